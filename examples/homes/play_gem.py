"""The environment in GEM 0.1, played by a policy of one line.

python examples/homes/play_gem.py
"""

from __future__ import annotations

import gem

from vt_env import Answer, Request, to_text
from vt_env.adapters.gem import GEM_ID, register_gem


def main(episodes: int = 8) -> float:
    """Asks for the sharp image, then guesses; returns the mean return."""
    register_gem(split="test")
    env = gem.make(GEM_ID, seed=0)
    total = 0.0
    for _ in range(episodes):
        text, info = env.reset()
        images = list(info["images"])
        done, turns = False, [to_text(Answer("yes", "a guess")), to_text(Request(thought="small"))]
        while not done:
            _, reward, terminated, truncated, info = env.step(turns.pop())
            total, done = total + reward, terminated or truncated
            images += info["images"]
        sizes = " then ".join(f"{image.width}x{image.height}" for image in images)
        print(f"{text.splitlines()[-1][:50]:<50} {sizes}: {info['reward_terms']}")
    print(f"mean return {total / episodes:.3f}")
    return total / episodes


if __name__ == "__main__":
    main()
