"""`GameSettings`: which samples a person plays, and which model plays the same ones afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from agents.grpo.config import SEED
from benchmarks.evaluation.play import JudgedSettings
from vt_env.data.settings import check_sources
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

NOBODY = "none"
"""The model that stands for no model at all."""


@dataclass(frozen=True)
class GameSettings(JudgedSettings):
    """Settings of a game."""

    samples: int = setting(10, "Samples that are played; Ctrl-C ends sooner.", Numbers(1))
    seed: int = setting(0, "Seed of which samples, and of the policy's sampling.", SEED)
    temperature: float = setting(
        0.0, "The policy's sampling temperature; 0 is greedy.", Numbers(0, 2)
    )

    def __post_init__(self) -> None:
        check_fields(self)
        check_sources(self.data, self.world)

    @property
    def has_policy(self) -> bool:
        """Whether a model plays too."""
        return self.engine.model_dir != NOBODY

    def resolved(self) -> Self:
        """The same with nothing left to the checkpoint, if there is one.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        return super().resolved() if self.has_policy else self

    def env_settings(self) -> dict[str, Any]:
        """Settings of the environment; without a model images are as it shows them by itself."""
        settings = self.env_on(self.data, self.tested_split)
        if not self.has_policy:
            del settings["checkpoint"]
        return settings


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
