"""Figures over seeds, against what can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sweeps.statistics import aggregate, probability_of_improvement

VALUES = st.lists(st.floats(-5, 5), min_size=1, max_size=8)


def test_mean_interquartile_mean_and_interval() -> None:
    found = aggregate([0.0, 1.0, 2.0, 9.0])
    assert (found.mean, found.iqm, found.seeds) == (3.0, 1.5, 4)
    assert found.low is not None and found.high is not None
    assert 0.0 <= found.low < 3.0 < found.high <= 9.0


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(60):
        found = aggregate(rng.normal(size=30).tolist())
        inside += bool(found.low is not None and found.high is not None
                       and found.low <= 0 <= found.high)  # fmt: skip
    assert inside >= 50


@given(VALUES)
def test_an_interval_only_with_seeds_enough(values: list[float]) -> None:
    found = aggregate(values)
    assert (found.low is None) is (found.high is None) is (len(values) < 3)
    if found.low is not None and found.high is not None:
        assert min(values) - 1e-9 <= found.low <= found.mean + 1e-9
        assert found.mean - 1e-9 <= found.high <= max(values) + 1e-9


def test_seeds_that_agree_have_an_interval_without_width() -> None:
    found = aggregate([0.5, 0.5, 0.5])
    assert (found.low, found.high) == (0.5, 0.5)


@given(VALUES, VALUES)
def test_probability_of_improvement_counts_pairs(ours: list[float], others: list[float]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in ours for b in others]
    assert probability_of_improvement(ours, others) == pytest.approx(np.mean(pairs))
