"""What seeds say of a point, and of two; pure functions.

Means come with 95% bootstrap intervals over seeds, beside them the interquartile mean and the
probability of improvement (Agarwal et al., arXiv 2108.13264).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.evaluation.intervals import interval

ENOUGH = 3
"""Seeds from which on an interval is told."""


@dataclass(frozen=True)
class Aggregate:
    """A metric of a point over its seeds.

    Attributes:
        mean: Over seeds.
        low: Lower end of its 95% interval; None with fewer than `ENOUGH` seeds.
        high: Its upper end.
        iqm: Interquartile mean: the mean of the middle half.
        seeds: How many.
    """

    mean: float
    low: float | None
    high: float | None
    iqm: float
    seeds: int


def aggregate(values: Sequence[float]) -> Aggregate:
    """Mean over seeds, with a percentile bootstrap interval.

    Args:
        values: One a seed, at least one.
    """
    from scipy.stats import trim_mean

    found = np.asarray(values, dtype=np.float64)
    low, high = interval(found) if len(found) >= ENOUGH else (None, None)
    return Aggregate(float(found.mean()), low, high, float(trim_mean(found, 0.25)), len(found))


def probability_of_improvement(ours: Sequence[float], others: Sequence[float]) -> float:
    """How often a seed of ours is better than one of the others: P(X > Y) + P(X = Y) / 2.

    Args:
        ours: One value a seed, more is better.
        others: Theirs; as many or not.
    """
    from scipy.stats import mannwhitneyu

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # p-values of few seeds: only the statistic is used
        statistic = mannwhitneyu(ours, others, method="asymptotic").statistic
    return float(statistic) / (len(ours) * len(others))
