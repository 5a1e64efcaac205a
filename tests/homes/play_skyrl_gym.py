"""Runs in SkyRL-Gym's environment: 100 episodes by its interface, beside ours."""

import json

import skyrl_gym
from omegaconf import OmegaConf

from tests.homes.plays import EPISODES, our_env, our_episode, turns_of
from vt_env import ConfigError
from vt_env.adapters import read_messages
from vt_env.adapters.skyrl_gym import SKYRL_ID, register


def main() -> None:
    register()  # a second time does nothing
    ours = our_env(split="test")
    config = OmegaConf.create({"split": "test"})
    alike, endings, metrics, images = 0, set(), [], 0
    for index in range(EPISODES):
        row = {"extra_info": {"index": index, "sample_id": ours.dataset[index].sample_id}}
        env = skyrl_gym.make(SKYRL_ID, env_config=config, extras=row)
        opening, known = env.init([{"role": "user", "content": "the row's own"}])
        told = list(opening)
        rewards, dones = [], []
        for turn in turns_of(ours, index):
            out = env.step(turn)
            told += [{"role": "assistant", "content": turn}, *out["observations"]]
            rewards.append(out["reward"])
            dones.append(out["done"])
        want = our_episode(ours, index)
        messages = read_messages(told)
        pixels = [p.tobytes() for m in messages for p in m.content if not isinstance(p, str)]
        texts = [p for m in messages for p in m.content if isinstance(p, str)]
        assert known["sample_id"] == ours.dataset[index].sample_id
        alike += (
            rewards == want["rewards"]
            and dones == want["dones"]
            and pixels == want["images"]
            and texts == want["texts"]
            and out["metadata"]["ending"] == want["ending"]
        )
        endings.add(want["ending"])
        metrics.append(env.get_metrics())
        images += len(pixels)
        env.close()
    summary = type(env).aggregate_metrics(metrics)
    wrong = {"extra_info": {"index": 1, "sample_id": ours.dataset[2].sample_id}}
    for bad in (wrong, {}, {"extra_info": {"index": 10**9}}):
        try:
            skyrl_gym.make(SKYRL_ID, env_config=config, extras=bad)
        except ConfigError as error:
            print(error)
        else:
            raise AssertionError(f"{bad} was taken")
    print(
        json.dumps(
            {"alike": alike, "endings": sorted(endings), "images": images, "metrics": summary}
        )
    )


if __name__ == "__main__":
    main()
