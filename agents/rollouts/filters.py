"""What teaches nothing: groups without spread, responses twice given, responses without an answer.

Pure functions over groups; all of it is off unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.rollouts.trajectory import Trajectory

RESPONSE_FILTERS = ("duplicate", "empty")
"""Responses that can be left out, as in VisionThink (appendix B.3)."""
MIN_SPREAD = 1e-4
"""Standard deviation of rewards below which a group teaches nothing; the released code's."""


def duplicates(group: Sequence[Trajectory]) -> list[bool]:
    """Which members of a group wrote, token by token, what one before them wrote."""
    seen: set[tuple[int, ...]] = set()
    found = []
    for t in group:
        written = tuple(token for token, sampled in zip(t.ids, t.mask, strict=True) if sampled)
        found.append(written in seen)
        seen.add(written)
    return found


def empties(group: Sequence[Trajectory]) -> list[bool]:
    """Which members of a group came to no answer, or to a blank one."""
    return [not (t.answer or "").strip() for t in group]


def dropped_responses(group: Sequence[Trajectory], drop: Sequence[str]) -> list[bool]:
    """Which members of a group are left out.

    Args:
        group: The episodes of one prompt.
        drop: Names of `RESPONSE_FILTERS`.
    """
    flags = [{"duplicate": duplicates, "empty": empties}[name](group) for name in drop]
    return [any(own) for own in zip(*flags, strict=True)] if flags else [False] * len(group)


def has_spread(group: Sequence[Trajectory], min_spread: float = MIN_SPREAD) -> bool:
    """Whether the rewards of a group differ: whether it has anything to teach.

    Args:
        group: The episodes of one prompt, their rewards as they are compared (shaped, if they
            are). Abstentions are left out; fewer than two verdicts compare nothing.
        min_spread: Smallest standard deviation, in units of reward.
    """
    rewards = [t.reward for t in group if t.outcome.correct is not None]
    return len(rewards) >= 2 and float(np.std(rewards, ddof=1)) >= min_spread


def with_spread(
    groups: Sequence[Sequence[Trajectory]], min_spread: float = MIN_SPREAD
) -> tuple[list[Sequence[Trajectory]], dict[str, float]]:
    """The groups that teach something (DAPO's dynamic sampling), and how many do not.

    Args:
        groups: Whole groups.
        min_spread: As for `has_spread`.

    Returns:
        Those kept, in order, and ``groups/dropped_share``, ``groups/solve_all_share`` and
        ``groups/solve_none_share``: shares of all groups in [0, 1]; nothing of no groups.
    """
    kept = [group for group in groups if has_spread(group, min_spread)]
    if not groups:
        return kept, {}
    right = [[t.outcome.correct for t in group] for group in groups]
    shares = {
        "groups/dropped_share": 1.0 - len(kept) / len(groups),
        "groups/solve_all_share": float(np.mean([all(verdicts) for verdicts in right])),
        "groups/solve_none_share": float(np.mean([not any(verdicts) for verdicts in right])),
    }
    return kept, shares


def response_metrics(groups: Sequence[Sequence[Trajectory]]) -> dict[str, float]:
    """Shares of responses that were given before in their group, and that hold no answer.

    Returns:
        ``responses/duplicate_share`` and ``responses/empty_share`` in [0, 1]; nothing of none.
    """
    checks = {"duplicate": duplicates, "empty": empties}
    found = {
        name: [flag for group in groups for flag in check(group)] for name, check in checks.items()
    }
    return {
        f"responses/{name}_share": float(np.mean(flags)) for name, flags in found.items() if flags
    }
