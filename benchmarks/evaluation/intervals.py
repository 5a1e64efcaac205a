"""How sure means over samples are: 95% intervals, and paired differences; pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
RESAMPLES = 9999
BATCH = 2**22
"""Values that are drawn at once, which bounds the memory."""


def interval(values: Values) -> tuple[float, float]:
    """Percentile bootstrap of a mean, 95%; of values that are all alike it has no width.

    Args:
        values: At least one, (values,).
    """
    from scipy.stats import bootstrap

    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH // len(values)),
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def share_interval(values: Values) -> tuple[float, float]:
    """Wilson's score interval of a share, 95%; it has a width even where all are alike.

    Args:
        values: Zeros and ones, at least one, (values,).
    """
    from scipy.stats import binomtest

    found = binomtest(int(values.sum()), len(values)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def known(values: Values) -> Values:
    """The values that are there: NaN is left out."""
    found: Values = values[np.isfinite(values)]
    return found


@dataclass(frozen=True)
class Difference:
    """What one has more than another on the same samples.

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


def paired_difference(ours: Values, others: Values) -> Difference | None:
    """Compares two sample by sample.

    Args:
        ours: Values by sample, (samples,); NaN where there is none.
        others: Theirs of the same samples in the same order.

    Returns:
        The difference, its interval by percentile bootstrap over samples; None of no sample.
    """
    gap = known(np.asarray(ours, dtype=np.float64) - np.asarray(others, dtype=np.float64))
    if not len(gap):
        return None
    low, high = interval(gap)
    return Difference(float(gap.mean()), low, high, len(gap))
