r"""A cold start for what the embedded model was never taught: crops, and asking twice.

    python examples/cold_start.py crop crops.jsonl
    visionthink sft --sft.records crops.jsonl --env.tools crop --engine.max_new_tokens 40 \
      --sft.freeze 'vision,*.embed_tokens.*' --iterations 100
    visionthink sweep view --engine.model_dir runs/<id>/model

    python examples/cold_start.py climb climbs.jsonl
    visionthink sft --sft.records climbs.jsonl --env.resolutions 0.25,0.5,1 --env.max_turns 3
    visionthink sweep ladder --engine.model_dir runs/<id>/model

The records are episodes with right answers. How often one asks is decided by a coin, never by need,
so that the decision is left for RL.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vt_env import Answer, Crop, Episode, Request, open_env, to_text

CELL = 14
"""Side of a visual token of the full view, in pixels of the view of half its size."""
LEAST = 2
"""Cells that a side of a crop has at least; what is smaller would be enlarged."""
UNSURE = "unclear"
"""What the embedded model thinks when it asks."""


def cells(low: float, high: float, side: int) -> tuple[int, int]:
    """The stretch of whole cells around another, both in pixels of a side of the small view."""
    first, last = int(low // CELL), -int(-high // CELL)
    last = min(side // CELL, max(last, first + LEAST))
    return min(first, last - LEAST) * CELL, last * CELL


def box_that_suffices(episode: Episode) -> tuple[int, int, int, int]:
    """What to crop, in pixels of the image shown; samples of the world know what suffices."""
    width, height = episode.scene.size
    share = width / episode.scene.original[0]
    left, top, right, bottom = (edge * share for edge in episode.sample.meta["box"])
    across, down = cells(left, right, width), cells(top, bottom, height)
    return across[0], down[0], across[1], down[1]


def crop(episode: Episode, coin: np.random.Generator) -> int:
    """Crops once, or not at all; returns how often."""
    if coin.random() < 0.5:
        return 0
    episode.step(to_text(Crop(box_that_suffices(episode), UNSURE)))
    return 1


def climb(episode: Episode, coin: np.random.Generator) -> int:
    """Asks up to twice; returns how often."""
    times = int(coin.integers(3))
    for _ in range(times):
        episode.step(to_text(Request(thought=UNSURE)))
    return times


WAYS: dict[str, tuple[Callable[[Episode, np.random.Generator], int], dict[str, Any]]] = {
    "crop": (crop, {"tools": ("crop",)}),
    "climb": (climb, {"resolutions": (0.25, 0.5, 1.0), "max_turns": 3}),
}
"""What is taught, and under which rules."""


def main(way: str, path: Path, episodes: int = 2400) -> list[int]:
    """Writes the records; returns how many ask never, once, and so on."""
    ask, rules = WAYS[way]
    env = open_env(data="world", prompt="brief", **rules)
    coin, asked = np.random.default_rng(0), [0] * 3
    with path.open("w", encoding="utf-8") as file:
        for number in range(episodes):
            episode = env.factory.episode(number)
            asked[ask(episode, coin)] += 1
            answer = episode.sample.answers[0]
            case = episode.step(to_text(Answer(answer, answer))).case
            assert case is not None, episode.problems
            episode.settle(env.judge.judge([case])[0])
            file.write(episode.record(number).to_line())
    env.close()
    print(f"{path}: {episodes} episodes, {asked[1]} of which ask once and {asked[2]} twice")
    return asked


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
