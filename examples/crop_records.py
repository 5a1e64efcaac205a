r"""A cold start for crops: episodes that cut out the part which suffices, to be learned from.

    python examples/crop_records.py crops.jsonl
    visionthink sft --sft.records crops.jsonl --env.tools crop --engine.max_new_tokens 40 \
      --sft.freeze 'vision,*.embed_tokens.*' --iterations 100
    visionthink sweep view --engine.model_dir runs/<id>/model

The embedded model knows how to ask for the whole image alone. Which samples are cropped is decided
by a coin, never by need, so that the decision is left for RL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from vt_env import Answer, Crop, Episode, open_env, to_text

CELL = 14
"""Side of a visual token of the full view, in pixels of the view of half its size."""
LEAST = 2
"""Cells that a side of a crop has at least; what is smaller would be enlarged."""
EPISODES = 2400


def cells(low: float, high: float, side: int) -> tuple[int, int]:
    """The stretch of whole cells around another, both in pixels of a side of the small view."""
    first, last = int(low // CELL), -int(-high // CELL)
    last = min(side // CELL, max(last, first + LEAST))
    return min(first, last - LEAST) * CELL, last * CELL


def box_that_suffices(episode: Episode) -> tuple[int, int, int, int]:
    """What to crop, in pixels of the image shown; samples of the world know what suffices."""
    width, height = episode.scene.size
    left, top, right, bottom = (
        edge * width / episode.scene.original[0] for edge in episode.sample.meta["box"]
    )
    across, down = cells(left, right, width), cells(top, bottom, height)
    return across[0], down[0], across[1], down[1]


def main(path: Path = Path("crops.jsonl"), episodes: int = EPISODES) -> int:
    """Writes the records; returns how many of them crop."""
    env = open_env(data="world", tools=("crop",), prompt="brief")
    coin, cropped = np.random.default_rng(0), 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(episodes):
            episode = env.factory.episode(number)
            if coin.random() < 0.5:
                episode.step(to_text(Crop(box_that_suffices(episode), "unclear")))
                cropped += 1
            answer = episode.sample.answers[0]
            case = episode.step(to_text(Answer(answer, answer))).case
            assert case is not None, episode.problems
            episode.settle(env.judge.judge([case])[0])
            file.write(episode.record(number).to_line())
    env.close()
    print(f"{path}: {episodes} episodes, {cropped} of which crop")
    return cropped


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
