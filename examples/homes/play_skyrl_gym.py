"""The environment in SkyRL-Gym 0.4, played by a policy of one line.

    python examples/homes/play_skyrl_gym.py

SkyRL's trainer does the same with ``env_class: visionthink`` in the rows of its dataset.
"""

from __future__ import annotations

import skyrl_gym

from vt_env import Answer, Request, to_text
from vt_env.adapters import skyrl_gym as ours


def main(episodes: int = 8) -> float:
    """Asks for the sharp image, then guesses; returns the mean return."""
    total = 0.0
    for index in range(episodes):
        row = {"extra_info": {"index": index}}
        env = skyrl_gym.make(ours.SKYRL_ID, env_config={"split": "test"}, extras=row)
        messages, known = env.init([])
        done, turns = False, [to_text(Answer("yes", "a guess")), to_text(Request(thought="small"))]
        while not done:
            step = env.step(turns.pop())
            messages += step["observations"]
            total, done = total + step["reward"], step["done"]
        images = str(messages).count("data:image/png")
        print(f"{known['sample_id']:<12} {images} images, {step['metadata']}")
        env.close()
    print(f"mean return {total / episodes:.3f}")
    return total / episodes


if __name__ == "__main__":
    main()
