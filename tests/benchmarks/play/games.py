"""Shared by the tests of play: a small game on the world."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.play.folder import GameFolder
from benchmarks.play.session import Game
from benchmarks.play.settings import GameSettings
from vt_env import Sample, VisionThinkEnv, World, open_env

NEEDS, ENOUGH = 1, 0
"""Samples of the validation split: one that needs the sharper image, and one that does not."""


def env_of(**settings: Any) -> VisionThinkEnv:
    env = open_env(data="world", split="validation", judge="rule", **settings)
    assert env.dataset[NEEDS].needs_high_res and env.dataset[ENOUGH].needs_high_res is False
    return env


def game_of(folder: Path, indices: Sequence[int] = (NEEDS, ENOUGH), **settings: Any) -> Game:
    made = GameFolder.create(folder, GameSettings())
    return Game(env_of(**settings), indices, made)


def right(index: int) -> str:
    sample: Sample = World("validation")[index]
    return sample.answers[0]


def records(folder: Path) -> Path:
    (made,) = folder.iterdir()
    return made / "episodes.jsonl"
