"""Intervals over samples, against what can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evaluation.intervals import interval, known, paired_difference, share_interval


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_an_interval_lies_within_the_values(values: list[float]) -> None:
    low, high = interval(np.array(values))
    assert min(values) - 1e-9 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= max(values) + 1e-9


def test_it_does_not_hang_on_how_much_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=50)
    whole = interval(values)
    monkeypatch.setattr("benchmarks.evaluation.intervals.BATCH", 500)
    assert interval(values) == whole


def test_a_share_has_a_width_even_where_all_are_alike() -> None:
    low, high = share_interval(np.ones(10))
    assert (low, high) == (pytest.approx(0.7225, abs=1e-3), 1.0)  # Wilson: n / (n + z²)


def test_what_is_missing_is_left_out() -> None:
    assert known(np.array([1.0, np.nan, 0.0])).tolist() == [1.0, 0.0]


def test_a_paired_difference_is_of_the_same_samples() -> None:
    ours, others = np.array([1.0, 2.0, np.nan, 4.0]), np.array([0.0, 2.0, 5.0, 3.0])
    found = paired_difference(ours, others)
    assert found is not None
    assert (found.mean, found.samples) == (pytest.approx(2 / 3), 3)
    assert 0.0 <= found.low <= found.mean <= found.high <= 1.0
    assert paired_difference(np.array([np.nan]), np.array([1.0])) is None
    one = paired_difference(np.array([2.0]), np.array([1.0]))
    assert one is not None and (one.mean, one.low, one.high) == (1.0, 1.0, 1.0)
