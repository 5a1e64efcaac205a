"""The band in which one more run of a setting is to be expected; pure functions.

An iteration is a few dozen prompts, so every curve is smoothed first, by the mean over `WINDOW`
iterations up to each. At each iteration the band reaches from the lowest seed to the highest,
and on each side to where a run more is found with 95%: mean ± t · s · √(1 + 1/n), Student's t with
n - 1 degrees of freedom, s the spread of the n seeds. Few seeds tell their spread badly, so s² is
averaged over the `AROUND` iterations on either side. Where all seeds agree the band is still as
wide as `GRAIN` prompts of a window: less cannot be told.

Of hundreds of points some lie outside by chance, one after the other since windows share
iterations. So a run leaves the band only where it is outside for a window's length on end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WINDOW = 5
"""Iterations of a mean."""
AROUND = 5
"""Iterations on either side over which the seeds' variance is averaged."""
LEVEL = 0.95
"""How likely one more run is in the band, at each iteration."""
END_LEVEL = 0.99
"""The same of a value of the final evaluation, of which one alone is enough to be outside."""
GRAIN = 2
"""Prompts by which the band is wider than the seeds at least."""


@dataclass(frozen=True)
class Band:
    """Where one more run is to be expected; arrays (iterations,), NaN where that is not known.

    Attributes:
        mean: Mean of the seeds.
        low: Lower end.
        high: Upper end.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Stretch:
    """Iterations on end in which a run is outside.

    Attributes:
        first: The first of them, counted from 1.
        count: How many.
        above: Whether it is above the band there, else below.
    """

    first: int
    count: int
    above: bool


def smooth(curve: Sequence[float | None]) -> np.ndarray:
    """Means over `WINDOW` iterations up to each, (iterations,); NaN before there are as many.

    An iteration that has no value is left out of the means that it would be in.
    """
    values = np.array([np.nan if value is None else value for value in curve], dtype=np.float64)
    found = np.full(len(values), np.nan)
    if len(values) >= WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)  # (windows, WINDOW)
        found[WINDOW - 1 :] = _mean(windows, axis=1)
    return found


def band(curves: Sequence[Sequence[float | None]], prompts: int) -> Band:
    """The band of some seeds' curves.

    Args:
        curves: One a seed; they may end at different iterations.
        prompts: Prompts of an iteration.
    """
    length = max(map(len, curves))
    padded = [[*curve, *[None] * (length - len(curve))] for curve in curves]
    smoothed = np.stack([smooth(curve) for curve in padded])  # (seeds, iterations)
    return _band(smoothed, _around(_variance(smoothed)), LEVEL, GRAIN / (WINDOW * prompts))


def end_band(values: Sequence[float], samples: int) -> tuple[float, float]:
    """Where a value of one more run's final evaluation is to be expected.

    Args:
        values: One a seed.
        samples: Samples of the evaluation.
    """
    found = np.array(values, dtype=np.float64)[:, None]  # (seeds, 1)
    made = _band(found, _variance(found), END_LEVEL, GRAIN / samples)
    return float(made.low[0]), float(made.high[0])


def _band(values: np.ndarray, variance: np.ndarray, level: float, grain: float) -> Band:
    """Of values (seeds, iterations) and the variance of seeds, (iterations,)."""
    from scipy.stats import t

    seeds = np.isfinite(values).sum(axis=0)
    enough = seeds > 1
    many = np.where(enough, seeds, 2)
    half = t.ppf((1 + level) / 2, many - 1) * np.sqrt(variance * (1 + 1 / many))
    half = np.where(enough, half, np.nan)
    mean = _mean(values, axis=0)
    least, most = (_quiet(how, values, axis=0) for how in (np.nanmin, np.nanmax))
    return Band(mean, np.minimum(mean - half, least - grain), np.maximum(mean + half, most + grain))


def _variance(values: np.ndarray) -> np.ndarray:
    """Variance of the seeds at each iteration, (iterations,); NaN of fewer than two."""
    found: np.ndarray = _quiet(np.nanvar, values, axis=0, ddof=1)
    return found


def _around(variance: np.ndarray) -> np.ndarray:
    """The mean of the variances on either side of each iteration, and its own."""
    padded = np.pad(variance, AROUND, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    return _mean(windows, axis=1)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    found: np.ndarray = _quiet(np.nanmean, values, axis=axis)
    return found


def _quiet(how: Callable[..., Any], values: np.ndarray, **options: int) -> Any:
    """Calls a function of numpy that warns where there is nothing but NaN, and gives NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return how(values, **options)


def outside(run: np.ndarray, made: Band) -> np.ndarray:
    """Whether a run is outside, at each iteration that both have: 1 above, -1 below, 0 inside.

    Args:
        run: Smoothed, (iterations,).
        made: The band.
    """
    count = min(len(run), len(made.mean))
    run, low, high = run[:count], made.low[:count], made.high[:count]
    sides: np.ndarray = (run > high).astype(int) - (run < low).astype(int)
    return sides


def departures(sides: np.ndarray) -> list[Stretch]:
    """Where a run leaves the band: it is outside on one side, for `WINDOW` iterations on end."""
    return [stretch for stretch in _stretches(sides) if stretch.count >= WINDOW]


def _stretches(sides: np.ndarray) -> Iterator[Stretch]:
    first = 0
    for number in range(1, len(sides) + 1):
        if number == len(sides) or sides[number] != sides[first]:
            if sides[first]:
                yield Stretch(first + 1, number - first, bool(sides[first] > 0))
            first = number
