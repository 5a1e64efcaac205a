"""Sweeps as data: which settings are compared, and the question they answer.

    PENALTY = Sweep("penalty", "Which penalty …?", (Point("none"), Point("all", {…})))
    trials(PENALTY, seeds=3)   # penalty/none/0, penalty/all/0, …, penalty/all/2

A trial is known by sweep, point and seed. What a name stands for never changes: another setting
gets another name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError, VisionThinkError
from vt_env.settings.tree import build

Values = Mapping[str, Any]
"""Settings of `TrainSettings` by path, such as ``{"rewards.price": 0.2}``."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+,-]*")
_SEED = "run.seed"


@dataclass(frozen=True)
class Point:
    """One of the settings that a sweep compares.

    Attributes:
        name: Readable, unique in its sweep, and fit for the name of a folder.
        settings: What sets it apart, by path.
        place: Row and column on the sweep's map, as they are labelled; None: it is on none.
    """

    name: str
    settings: Values = field(default_factory=dict)
    place: tuple[str, str] | None = None


@dataclass(frozen=True)
class Sweep:
    """Settings that are compared.

    Attributes:
        name: Readable, and fit for the name of a folder.
        question: What it answers, in one sentence.
        points: What is compared, at least one.
        base: What all points share, by path.

    Raises:
        ConfigError: If a name does not fit a folder or stands twice, or a point sets what
            the others leave to `base` or to the seed.
    """

    name: str
    question: str
    points: tuple[Point, ...]
    base: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [point.name for point in self.points]
        if not names:
            raise ConfigError(f"sweep {self.name}: has no points.")
        for name in (self.name, *names):
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"sweep {self.name}: {name!r} is no name: letters, digits and ._=+,- only, a "
                    "letter or digit first."
                )
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ConfigError(f"sweep {self.name}: two points are called {name!r}.")
        if any(_SEED in values for values in (self.base, *(p.settings for p in self.points))):
            raise ConfigError(f"sweep {self.name}: {_SEED} is each trial's own; see --seeds.")

    def varied(self) -> list[str]:
        """Paths that its points set, in order of appearance."""
        return list(dict.fromkeys(path for point in self.points for path in point.settings))

    def only(self, pattern: str) -> Sweep:
        """The sweep with those of its points that a pattern names, as shells have patterns.

        Raises:
            ConfigError: If it names none.
        """
        found = tuple(point for point in self.points if fnmatchcase(point.name, pattern))
        if not found:
            known = ", ".join(point.name for point in self.points)
            raise ConfigError(f"--only {pattern}: sweep {self.name} has the points {known}.")
        return Sweep(self.name, self.question, found, self.base)


@dataclass(frozen=True)
class Trial:
    """A training run of a sweep.

    Attributes:
        sweep: The sweep's name.
        point: The point's name.
        seed: The run's seed.
        settings: All of its settings.
    """

    sweep: str
    point: str
    seed: int
    settings: TrainSettings

    @property
    def id(self) -> str:
        """``sweep/point/seed``."""
        return f"{self.sweep}/{self.point}/{self.seed}"


def trials(sweep: Sweep, seeds: int, given: Values | None = None) -> list[Trial]:
    """Every trial, checked: the first seed of all points, then the second.

    Args:
        sweep: What is compared.
        seeds: Trials of each point; their seeds begin with `given`'s, or with 0.
        given: Settings of the user's, which win over the sweep's `base`.

    Raises:
        ConfigError: If a setting cannot be, or is one that the sweep varies; with the point.
    """
    own = dict(given or {})
    first = int(own.pop(_SEED, 0))
    if seeds < 1:
        raise ConfigError(f"--seeds must be at least 1, got {seeds}.")
    for path in sweep.varied():
        clash = next((mine for mine in own if _overlap(mine, path)), None)
        if clash:
            raise ConfigError(f"{clash}: sweep {sweep.name} varies {path}; choose --only POINT.")
    layers = (sweep.base, own)
    return [
        Trial(sweep.name, point.name, seed, _settings(sweep, point, (*layers, {_SEED: seed})))
        for seed in range(first, first + seeds)
        for point in sweep.points
    ]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _settings(sweep: Sweep, point: Point, layers: Sequence[Values]) -> TrainSettings:
    try:
        return build(TrainSettings, *layers, point.settings)
    except VisionThinkError as error:
        raise ConfigError(f"sweep {sweep.name}, point {point.name}: {error}") from error
