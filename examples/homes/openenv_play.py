"""Plays episodes on an OpenEnv server of ours: asks for the sharp image, then answers.

python -m vt_env.adapters.openenv &          # or the container of examples/homes/openenv_hub
python examples/homes/openenv_play.py --url http://127.0.0.1:8000 --episodes 4
"""

from __future__ import annotations

import argparse

ASK = (
    "<think>unclear</think><tool_call>"
    '{"name": "resize_image", "arguments": {"action": "resize"}}</tool_call>'
)
ANSWER = "<think>clear</think><answer>yes</answer>"


def main(url: str = "http://127.0.0.1:8000", episodes: int = 4) -> list[float]:
    from openenv import GenericEnvClient

    returns = []
    with GenericEnvClient(base_url=url).sync() as env:
        for index in range(episodes):
            first = env.reset(split="test", index=index)
            steps = [env.step({"text": text}) for text in (ASK, ANSWER)]
            returns.append(sum(step.reward for step in steps))
            told = steps[-1].observation
            print(
                f"{first.observation['question']!r}: {told['ending']}, {told['visual_tokens']} "
                f"visual tokens, return {returns[-1]:.3f}"
            )
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Plays on an OpenEnv server.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--episodes", type=int, default=4)
    told = parser.parse_args()
    main(told.url, told.episodes)
