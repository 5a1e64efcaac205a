"""What seeds say of a point, and of two; pure functions.

Means come with 95% bootstrap intervals over seeds, beside them the interquartile mean and the
probability of improvement (Agarwal et al., arXiv 2108.13264).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENOUGH = 3
"""Seeds from which on an interval is told."""
RESAMPLES = 9999


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
    low, high = _interval(found) if len(found) >= ENOUGH else (None, None)
    return Aggregate(float(found.mean()), low, high, float(trim_mean(found, 0.25)), len(found))


def _interval(values: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap, 95%; of values that are all alike it has no width."""
    from scipy.stats import bootstrap

    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(found.low), float(found.high)


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


@dataclass(frozen=True)
class Difference:
    """What one point has more than another on the same samples.

    Attributes:
        mean: Mean difference a sample, ours less theirs.
        low: Lower end of its 95% interval over samples.
        high: Its upper end.
        samples: Samples that both have.
    """

    mean: float
    low: float
    high: float
    samples: int


def paired_difference(ours: np.ndarray, others: np.ndarray) -> Difference | None:
    """Compares two points sample by sample.

    Args:
        ours: Returns by sample, the mean of our seeds, (samples,); NaN where a verdict is missing.
        others: Theirs of the same samples in the same order.

    Returns:
        The difference, its interval by percentile bootstrap over samples; None of no sample.
    """
    gap = np.asarray(ours, dtype=np.float64) - np.asarray(others, dtype=np.float64)
    gap = gap[np.isfinite(gap)]
    if not len(gap):
        return None
    if len(gap) == 1:
        return Difference(float(gap[0]), float(gap[0]), float(gap[0]), 1)
    low, high = _interval(gap)
    return Difference(float(gap.mean()), low, high, len(gap))
