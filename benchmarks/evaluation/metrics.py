"""Figures of a policy on a set of samples; pure functions over finished episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from agents.rollouts.trajectory import Trajectory


@dataclass(frozen=True)
class FamilyFigures:
    """The three figures that are given by family.

    Attributes:
        accuracy: Share of right answers among the judged.
        resize_call_ratio: Share of episodes in which the high-resolution image was delivered.
        visual_tokens_share_of_full: Visual tokens spent over those of plain full-resolution passes.
        episodes: How many episodes these are of.
    """

    accuracy: float | None
    resize_call_ratio: float
    visual_tokens_share_of_full: float
    episodes: int


@dataclass(frozen=True)
class Figures:
    """What a policy came to.

    Attributes:
        accuracy: Share of right answers among the judged; None when no answer was judged.
        resize_call_ratio: Share of episodes in which the high-resolution image was delivered.
        visual_tokens_share_of_full: Visual tokens spent over those of plain full-resolution passes.
        request_rate_need: Requests among the samples that need it; None without such samples.
        request_rate_no_need: Requests among those that do not; None without such samples.
        mean_return: Mean return of the judged episodes, in units of reward.
        accuracy_given_request: Accuracy where it requested; None where it never did.
        well_formed: Share of episodes that keep the format in every turn.
        abstained: Share of episodes that the judge could not decide.
        episodes: How many episodes these are of.
        endings: How many episodes ended in which way.
        by_family: The first three, by family.
    """

    accuracy: float | None
    resize_call_ratio: float
    visual_tokens_share_of_full: float
    request_rate_need: float | None
    request_rate_no_need: float | None
    mean_return: float | None
    accuracy_given_request: float | None
    well_formed: float
    abstained: float
    episodes: int
    endings: dict[str, int] = field(default_factory=dict)
    by_family: dict[str, FamilyFigures] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Plain values, rounded to six decimals."""
        rounded = _rounded(asdict(self))
        assert isinstance(rounded, dict)
        return rounded


def figures(episodes: Sequence[Trajectory]) -> Figures:
    """Computes the figures of at least one episode."""
    judged = [t for t in episodes if t.outcome.correct is not None]
    requested = [t for t in judged if t.outcome.requested]
    need = [t for t in episodes if t.outcome.needs_high_res is True]
    no_need = [t for t in episodes if t.outcome.needs_high_res is False]
    families = sorted({t.family for t in episodes})
    return Figures(
        **_three(episodes),
        request_rate_need=_share([t.outcome.requested for t in need]),
        request_rate_no_need=_share([t.outcome.requested for t in no_need]),
        mean_return=_share([t.reward for t in judged]),
        accuracy_given_request=_share([bool(t.outcome.correct) for t in requested]),
        well_formed=float(np.mean([t.outcome.well_formed for t in episodes])),
        abstained=1 - len(judged) / len(episodes),
        episodes=len(episodes),
        endings=_endings(episodes),
        by_family={
            family: FamilyFigures(**_three(mine), episodes=len(mine))
            for family in families
            for mine in [[t for t in episodes if t.family == family]]
        },
    )


def oracle_episodes(
    low: Sequence[Trajectory], high: Sequence[Trajectory]
) -> tuple[list[Trajectory], str]:
    """Episodes of the same model with the decision taken by `needs_high_res`.

    Samples in the margin all take the decision that pays more on average over the margin.

    Args:
        low: The model's episodes with every request forced off.
        high: The same samples in the same order, with every request forced on.

    Returns:
        The chosen episodes, and the margin's decision: ``"answer"`` or ``"request"``.
    """
    margin = [i for i, t in enumerate(low) if t.outcome.needs_high_res is None]
    gain = sum(high[i].reward - low[i].reward for i in margin)
    decision = "request" if gain > 0 else "answer"
    chosen = []
    for direct, asked in zip(low, high, strict=True):
        if direct.sample_id != asked.sample_id:
            raise ValueError("low and high must hold the same samples in the same order.")
        need = direct.outcome.needs_high_res
        chosen.append(asked if (decision == "request" if need is None else need) else direct)
    return chosen, decision


def accuracy_on(episodes: Sequence[Trajectory], sample_ids: set[str]) -> float | None:
    """Accuracy over the judged episodes of the given samples."""
    return _share(
        [
            bool(t.outcome.correct)
            for t in episodes
            if t.sample_id in sample_ids and t.outcome.correct is not None
        ]
    )


def _three(episodes: Sequence[Trajectory]) -> dict[str, Any]:
    judged = [bool(t.outcome.correct) for t in episodes if t.outcome.correct is not None]
    return {
        "accuracy": _share(judged),
        "resize_call_ratio": _share([t.outcome.requested for t in episodes]),
        "visual_tokens_share_of_full": _share([t.visual_tokens / t.full_tokens for t in episodes]),
    }


def _endings(episodes: Sequence[Trajectory]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for t in episodes:
        counts[str(t.ending)] = counts.get(str(t.ending), 0) + 1
    return dict(sorted(counts.items()))


def _share(values: Sequence[float | bool]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value
