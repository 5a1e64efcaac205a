"""Goals that end a training early: ``--until regret=0.01``, or ``accuracy=0.95,tokens=0.8``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vt_env import ConfigError, UnknownNameError

GOALS = {
    "regret": ("eval/regret_to_start_oracle", "most"),
    "accuracy": ("eval/accuracy", "least"),
    "reward": ("eval/reward", "least"),
    "tokens": ("eval/visual_tokens/share_of_full", "most"),
}
"""Names of goals: the metric of the held-out slice, and which end of it the number is."""


@dataclass(frozen=True)
class Goal:
    """One thing that has to hold.

    Attributes:
        name: One of `GOALS`.
        bound: The metric's most or least.
    """

    name: str
    bound: float

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Whether an iteration's metrics reach it; never where the slice was not played."""
        metric, end = GOALS[self.name]
        value = metrics.get(metric)
        if value is None:
            return False
        return value <= self.bound if end == "most" else value >= self.bound


def parse_goals(text: str | None) -> tuple[Goal, ...]:
    """Reads goals such as ``"regret=0.01,accuracy=0.9"``, all of which have to hold.

    Args:
        text: The goals; None: there are none.

    Raises:
        UnknownNameError: If there is no such goal; suggests the closest.
        ConfigError: If a goal has no number, or is given twice.
    """
    goals: list[Goal] = []
    for part in [] if text is None else text.split(","):
        name, sign, number = (piece.strip() for piece in part.partition("="))
        if name not in GOALS:
            raise UnknownNameError("run.until", name, GOALS)
        if name in [goal.name for goal in goals]:
            raise ConfigError(f"run.until names {name} twice, in {text!r}.")
        bound = _number(number)
        if not sign or bound is None:
            raise ConfigError(
                f"run.until: {name} needs a number, such as {name}=0.5; got {part.strip()!r}."
            )
        goals.append(Goal(name, bound))
    return tuple(goals)


def reached(goals: tuple[Goal, ...], metrics: Mapping[str, float]) -> bool:
    """Whether there are goals and an iteration's metrics reach all of them."""
    return bool(goals) and all(goal.holds(metrics) for goal in goals)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
