"""Metrics of finished episodes, by one set of names wherever they are shown; pure functions.

Training, evaluation, ``quality`` and ``label`` all say the same thing by the same name. TRL's names
are kept where TRL has one (``reward``, ``completions/…``); `resize_call_ratio` is the paper's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.rollouts.filters import response_metrics, with_spread
from agents.rollouts.trajectory import Trajectory
from vt_env import Ending

FAMILY_METRICS = ("accuracy", "resize_call_ratio", "visual_tokens/share_of_full")
"""What is given by family too."""


def episode_metrics(episodes: Sequence[Trajectory]) -> dict[str, float | None]:
    """Means over episodes, each None where there is nothing to take it over.

    Abstained verdicts count in no accuracy and no reward; their share is a metric of its own.

    Args:
        episodes: Any number of them.

    Returns:
        By name: ``accuracy`` (share of right answers among the judged), ``accuracy_given_request``
        (where a request was delivered), ``resize_call_ratio`` (share of episodes with another
        image), ``request_rate_need`` and ``request_rate_no_need`` (the same among samples that
        need it and that do not), ``visual_tokens/mean``, ``visual_tokens/share_of_full`` (over
        those of plain full-resolution passes), ``well_formed``, ``refused``, ``abstained``
        (shares), ``reward`` (mean return of the judged), ``endings/*`` (shares).
    """
    judged = [t for t in episodes if t.outcome.correct is not None]
    need = {
        wanted: [t.outcome.requested for t in episodes if t.outcome.needs_high_res is wanted]
        for wanted in (True, False)
    }
    asked = [bool(t.outcome.correct) for t in judged if t.outcome.requested]
    metrics = {
        "accuracy": _mean([bool(t.outcome.correct) for t in judged]),
        "accuracy_given_request": _mean(asked),
        "resize_call_ratio": _mean([t.outcome.requested for t in episodes]),
        "request_rate_need": _mean(need[True]),
        "request_rate_no_need": _mean(need[False]),
        "visual_tokens/mean": _mean([t.visual_tokens for t in episodes]),
        "visual_tokens/share_of_full": _mean([t.visual_tokens / t.full_tokens for t in episodes]),
        "well_formed": _mean([t.outcome.well_formed for t in episodes]),
        "refused": _mean([t.refused for t in episodes]),
        "abstained": _mean([t.outcome.correct is None for t in episodes]),
        "reward": _mean([t.reward for t in judged]),
    }
    for ending in Ending:
        metrics[f"endings/{ending}"] = _mean([t.ending == ending for t in episodes])
    return metrics


def by_family(episodes: Sequence[Trajectory]) -> dict[str, dict[str, float | None]]:
    """`FAMILY_METRICS` of the episodes of each family."""
    found = {}
    for family in sorted({t.family for t in episodes}):
        metrics = episode_metrics([t for t in episodes if t.family == family])
        found[family] = {name: metrics[name] for name in FAMILY_METRICS}
    return found


def rollout_metrics(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Those of a batch in training: `episode_metrics`, lengths, spread within groups, terms.

    ``groups/*`` and ``responses/*`` say what `agents.rollouts.filters` would leave out, or does.
    Where the first decision of some was forced, ``exploration/forced_share`` says of how many, and
    ``exploration/free_request_rate`` (``_need``, ``_no_need``) how often the others asked.

    Args:
        trajectories: At least one.

    Returns:
        Flat names to numbers. A share over an empty set is left out rather than called 0.
    """
    judged = [t for t in trajectories if t.outcome.correct is not None]
    lengths = [sum(t.mask) for t in trajectories]
    metrics = episode_metrics(trajectories)
    metrics |= {
        "completions/mean_length": _mean(lengths),
        "completions/max_length": float(max(lengths)),
        "completions/clipped_ratio": metrics[f"endings/{Ending.CUT_OFF}"],
    }
    metrics |= _group_spread(trajectories) | _free_rates(trajectories)
    groups = _groups(trajectories)
    metrics |= with_spread(groups)[1] | response_metrics(groups)
    for term in sorted({name for t in trajectories for name in t.reward_terms}):
        metrics[f"rewards/{term}/mean"] = _mean([t.reward_terms.get(term, 0.0) for t in judged])
    for family, mine in by_family(trajectories).items():
        metrics |= {f"by_family/{family}/{name}": value for name, value in mine.items()}
    return {name: value for name, value in metrics.items() if value is not None}


def summary_metrics(episodes: Sequence[Trajectory]) -> dict[str, Any]:
    """Those of an evaluation: `episode_metrics`, how many, and by family; six decimals."""
    count = Counter(t.family for t in episodes)
    return {
        **_rounded(episode_metrics(episodes)),
        "episodes": len(episodes),
        "by_family": {
            family: {**_rounded(mine), "episodes": count[family]}
            for family, mine in by_family(episodes).items()
        },
    }


def judge_metrics(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Puts the judge's metrics of several runners together: shares are averaged, the rest added."""
    names = sorted({name for part in parts for name in part})
    return {
        name: float(np.mean([part.get(name, 0.0) for part in parts]))
        if name.endswith("_share")
        else float(sum(part.get(name, 0.0) for part in parts))
        for name in names
    }


def _group_spread(trajectories: Sequence[Trajectory]) -> dict[str, float | None]:
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


def _free_rates(trajectories: Sequence[Trajectory]) -> dict[str, float | None]:
    """How many were forced, and the request rates of the others; nothing where nobody was."""
    free = [t for t in trajectories if t.forced is None]
    if len(free) == len(trajectories):
        return {}
    metrics = episode_metrics(free)
    return {
        "exploration/forced_share": 1.0 - len(free) / len(trajectories),
        "exploration/free_request_rate": metrics["resize_call_ratio"],
        "exploration/free_request_rate_need": metrics["request_rate_need"],
        "exploration/free_request_rate_no_need": metrics["request_rate_no_need"],
    }


def _groups(trajectories: Sequence[Trajectory]) -> list[list[Trajectory]]:
    """Trajectories by the sample that they play."""
    groups: dict[str, list[Trajectory]] = {}
    for t in trajectories:
        groups.setdefault(t.sample_id, []).append(t)
    return list(groups.values())


def _mean(values: Sequence[float | bool | int]) -> float | None:
    """Mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


def _rounded(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if m is None else round(m, 6) for name, m in metrics.items()}
