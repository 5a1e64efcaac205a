"""Metrics of a batch of trajectories, named as TRL names them, and our own; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agents.rollouts.trajectory import Trajectory
from vt_env import Ending


def rollout_metrics(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Means over a batch.

    Abstained verdicts count in no accuracy and no reward; their share is a metric of its own.

    Args:
        trajectories: At least one.

    Returns:
        Flat names to numbers. A share over an empty set is left out rather than called 0.
    """
    judged = [t for t in trajectories if t.outcome.correct is not None]
    metrics = {
        "resize_call_ratio": _mean([t.outcome.requested for t in trajectories]),
        "accuracy": _mean([bool(t.outcome.correct) for t in judged]),
        "accuracy_given_request": _mean(
            [bool(t.outcome.correct) for t in judged if t.outcome.requested]
        ),
        "request_rate_need": _mean(
            [t.outcome.requested for t in trajectories if t.outcome.needs_high_res is True]
        ),
        "request_rate_no_need": _mean(
            [t.outcome.requested for t in trajectories if t.outcome.needs_high_res is False]
        ),
        "visual_tokens/mean": _mean([t.visual_tokens for t in trajectories]),
        "visual_tokens/share_of_full": _mean(
            [t.visual_tokens / t.full_tokens for t in trajectories]
        ),
        "well_formed": _mean([t.outcome.well_formed for t in trajectories]),
        "refused": _mean([t.refused for t in trajectories]),
        "reward": _mean([t.reward for t in judged]),
        "completions/mean_length": _mean([sum(t.mask) for t in trajectories]),
        "completions/max_length": float(max(sum(t.mask) for t in trajectories)),
        "completions/clipped_ratio": _mean([t.ending == Ending.CUT_OFF for t in trajectories]),
    }
    metrics |= _group_spread(trajectories)
    terms = sorted({name for t in trajectories for name in t.reward_terms})
    for term in terms:
        metrics[f"rewards/{term}/mean"] = _mean([t.reward_terms.get(term, 0.0) for t in judged])
    for ending in Ending:
        metrics[f"endings/{ending}"] = _mean([t.ending == ending for t in trajectories])
    for family in sorted({t.family for t in trajectories}):
        mine = [t for t in trajectories if t.family == family]
        metrics[f"by_family/{family}/resize_call_ratio"] = _mean(
            [t.outcome.requested for t in mine]
        )
        metrics[f"by_family/{family}/accuracy"] = _mean(
            [bool(t.outcome.correct) for t in mine if t.outcome.correct is not None]
        )
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def judge_metrics(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Puts the judge's metrics of several runners together: shares are averaged, the rest added."""
    names = sorted({name for part in parts for name in part})
    return {
        name: _mean([part.get(name, 0.0) for part in parts])
        if name.endswith("_share")
        else float(sum(part.get(name, 0.0) for part in parts))
        for name in names
    }


def _group_spread(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Spread of the reward within groups, and the share of groups with none."""
    groups: dict[str, list[float]] = {}
    for t in trajectories:
        if t.outcome.correct is not None:
            groups.setdefault(t.sample_id, []).append(t.reward)
    spreads = [float(np.std(rewards, ddof=1)) for rewards in groups.values() if len(rewards) > 1]
    return {
        "reward_std": _mean(spreads),
        "frac_reward_zero_std": _mean([spread < 1e-9 for spread in spreads]),
    }


def _mean(values: Sequence[float | bool | int]) -> float:
    """Mean, or NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")
