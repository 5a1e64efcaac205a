"""Groups without spread, made good by further ones (DAPO's dynamic sampling, 2503.14476); pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.rollouts.trajectory import Trajectory

POSITION = "groups/position"
"""Metric: where in the prompt stream the next iteration begins."""


@dataclass(frozen=True)
class Gathered:
    """What an iteration played, and what of it is learned from.

    Attributes:
        played: All episodes, group after group, in the order of the prompt stream.
        kept: Those that are learned from, alike.
        position: The position in the stream after the last group.
        metrics: ``groups/dropped_share`` (share of the groups played that were dropped),
            ``groups/refilled`` (groups of refills that are learned from), ``groups/extra_episodes``
            (episodes played in refills) and `POSITION`.
    """

    played: list[Trajectory]
    kept: list[Trajectory]
    position: int
    metrics: dict[str, float]


def gather(
    play: Callable[[int, int], Sequence[Trajectory]],
    tells: Callable[[Sequence[Trajectory]], bool],
    *,
    start: int,
    wanted: int,
    size: int,
    max_refills: int = 0,
    multiple: int = 1,
) -> Gathered:
    """Plays groups until enough of them tell something, or the bound is reached.

    Each refill plays as many groups as are missing, rounded up to a multiple; what is more than
    wanted in the end is left out, the last first.

    Args:
        play: Given a position of the prompt stream and a number, the episodes of so many groups.
        tells: Whether a group is kept.
        start: Position of the first group.
        wanted: Groups to be kept, a multiple of `multiple`.
        size: Episodes of a group.
        max_refills: Most refills.
        multiple: The number of groups played at once is one of this.
    """
    played: list[Trajectory] = []
    groups: list[Sequence[Trajectory]] = []
    position, missing, dropped = start, wanted, 0
    told_at_first: int | None = None
    for _ in range(1 + max_refills):
        count = math.ceil(missing / multiple) * multiple
        found = list(play(position, count))
        position += count
        played += found
        new = [found[i : i + size] for i in range(0, len(found), size)]
        told = [group for group in new if tells(group)]
        dropped += len(new) - len(told)
        groups += told
        told_at_first = len(told) if told_at_first is None else told_at_first
        missing = wanted - len(groups)
        if missing <= 0:
            break
    kept = groups[:wanted]
    metrics = {
        "groups/dropped_share": dropped / (position - start),
        "groups/refilled": float(max(0, len(kept) - (told_at_first or 0))),
        "groups/extra_episodes": float((position - start - wanted) * size),
        POSITION: float(position),
    }
    return Gathered(played, [t for group in kept for t in group], position, metrics)
