"""An agent of one's own: any function from an observation to the text of a turn.

    python examples/custom_agent.py

This one asks for the sharp image when the question is about fine lines, and else guesses.
"""

from __future__ import annotations

from typing import Any

import vt_env
from vt_env import Answer, Request, to_text


def act(observation: dict[str, Any]) -> str:
    """Writes one turn."""
    question = observation["question"]
    if observation["turn"] == 0 and ("pattern" in question or "number" in question):
        return to_text(Request(thought="too fine to tell"))
    return to_text(Answer("horizontal" if "pattern" in question else "red", "a guess"))


def main(episodes: int = 20) -> float:
    """Plays some episodes; returns the mean return."""
    env = vt_env.make("VisionThink-v0", split="test")
    total = 0.0
    observation, info = env.reset(seed=0)
    for _ in range(episodes):
        done = False
        while not done:
            observation, reward, done, _, info = env.step(act(observation))
            total += float(reward)
        print(f"{info['family']:<10} {info['ending']:<10} {info['answer']!s:<12} {info['verdict']}")
        observation, info = env.reset()
    print(f"mean return {total / episodes:.3f}")
    return total / episodes


if __name__ == "__main__":
    main()
