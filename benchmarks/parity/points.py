"""Points of a training on held-out samples, the bar that it is to reach, and files of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

NEED, NO_NEED = 0.9, 0.1
"""The bar: requests on samples in need, at least; on those without, at most."""


@dataclass(frozen=True)
class Point:
    """A policy on the held-out samples, greedily played.

    Attributes:
        iteration: Iterations done; 0: the model before RL.
        seconds: That they took, without evaluations.
        need: Share of the samples in need on which the image is asked for.
        no_need: The same of those without need.
        accuracy: Share of right answers.
        reward: Mean return.
    """

    iteration: int
    seconds: float
    need: float
    no_need: float
    accuracy: float
    reward: float

    @classmethod
    def of(cls, iteration: int, seconds: float, metrics: Mapping[str, float]) -> Point:
        """A point from what `HeldOut.measure` gives."""
        return cls(
            iteration,
            round(seconds, 1),
            metrics["eval/request_rate_need"],
            metrics["eval/request_rate_no_need"],
            metrics["eval/accuracy"],
            metrics["eval/reward"],
        )

    @property
    def at_the_bar(self) -> bool:
        """Whether requests are where they should be."""
        return self.need >= NEED and self.no_need <= NO_NEED


def reached(points: Sequence[Point]) -> Point | None:
    """The first point at the bar; None where there is none."""
    return next((point for point in points if point.at_the_bar), None)


def closest(points: Sequence[Point]) -> Point:
    """The point that lacks least, both shares together; of several the first."""
    return min(points, key=lambda p: max(0.0, NEED - p.need) + max(0.0, p.no_need - NO_NEED))


def summary(points: Sequence[Point]) -> dict[str, Any]:
    """What a training came to: ``reached`` (None: it did not), ``closest`` and ``points``."""
    bar = reached(points)
    return {
        "reached": None if bar is None else asdict(bar),
        "closest": asdict(closest(points)),
        "points": [asdict(point) for point in points],
    }


def read_points(record: Mapping[str, Any]) -> list[Point]:
    """The points that `summary` wrote."""
    return [Point(**point) for point in record["points"]]


def told(name: str, points: Sequence[Point]) -> str:
    """A line on a training."""
    bar = reached(points)
    point = bar or closest(points)
    how = "at the bar after" if bar else "not at the bar; closest after"
    return (
        f"{name}: {how} {point.iteration} iterations, {point.seconds:.0f} s: asks on "
        f"{point.need:.1%} of the samples in need, {point.no_need:.1%} of the others; right on "
        f"{point.accuracy:.1%}"
    )
