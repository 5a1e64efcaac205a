"""`GameSettings`: which samples a person plays, and which model plays the same ones afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.grpo.config import SEED
from benchmarks.evaluation.play import OpenSettings
from vt_env.data.settings import check_sources
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers


@dataclass(frozen=True)
class GameSettings(OpenSettings):
    """Settings of a game."""

    samples: int = setting(10, "Samples that are played; Ctrl-C ends sooner.", Numbers(1))
    seed: int = setting(0, "Seed of which samples, and of the policy's sampling.", SEED)
    temperature: float = setting(
        0.0, "The policy's sampling temperature; 0 is greedy.", Numbers(0, 2)
    )

    def __post_init__(self) -> None:
        check_fields(self)
        check_sources(self.data, self.world)


def drawn(size: int, wanted: int, seed: int) -> list[int]:
    """Which samples are played, in order: `wanted` different ones, or all that there are.

    Args:
        size: Samples of the dataset.
        wanted: How many.
        seed: What they are drawn from; more of them begin alike.
    """
    rng, found = np.random.default_rng(seed), dict[int, None]()
    while len(found) < min(size, wanted):
        found.setdefault(int(rng.integers(size)))
    return list(found)
