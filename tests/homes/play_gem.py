"""Runs in GEM's environment: 100 episodes by its interface, beside ours, and many at once."""

import json

import gem

from tests.homes.plays import EPISODES, our_env, our_episode, turns_of
from vt_env.adapters.gem import GEM_ID, GemEnv, register_gem


def main() -> None:
    register_gem(split="test")
    ours = our_env(split="test")
    env = gem.make(GEM_ID)
    assert isinstance(env, gem.Env)
    assert isinstance(env, GemEnv)
    alike, endings = 0, set()
    for index in range(EPISODES):
        _, info = env.reset(options={"index": index})
        pixels = [image.tobytes() for image in info["images"]]
        rewards, dones = [], []
        for turn in turns_of(ours, index):
            _, reward, terminated, truncated, info = env.step(turn)
            pixels += [image.tobytes() for image in info["images"]]
            rewards.append(reward)
            dones.append(terminated or truncated)
        want = our_episode(ours, index)
        alike += (
            rewards == want["rewards"]
            and dones == want["dones"]
            and pixels == want["images"]
            and info["ending"] == want["ending"]
        )
        endings.add(want["ending"])
    print(json.dumps({"alike": alike, "endings": sorted(endings), "vector": at_once()}))


def at_once() -> dict[str, object]:
    """Three environments of `gem.make_vec`, each with a seed of its own."""
    many = gem.make_vec([GEM_ID] * 3, seed=5)
    texts, infos = many.reset()
    singles = [gem.make(GEM_ID, seed=5 + number).reset() for number in range(3)]
    alike = texts == [text for text, _ in singles]
    samples = [info["sample_id"] for info in infos]
    _, rewards, terminated, _, after = many.step(["<think></think><answer>no</answer>"] * 3)
    return {
        "alike": alike and samples == [info["sample_id"] for _, info in singles],
        "different": len(set(samples)),
        "terminated": terminated.tolist(),
        "paid": [float(reward) for reward in rewards],
        "next": [len(info["images"]) for info in after],  # it starts the next episodes at once
    }


if __name__ == "__main__":
    main()
