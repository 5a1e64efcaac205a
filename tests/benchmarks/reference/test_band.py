import math

import numpy as np
import pytest

from benchmarks.reference.band import (
    AROUND,
    GRAIN,
    WINDOW,
    Stretch,
    band,
    departures,
    end_band,
    outside,
    smooth,
)


def test_means_over_a_window_up_to_each_iteration() -> None:
    found = smooth([1.0, 2.0, 3.0, 4.0, 5.0, 11.0])
    assert np.isnan(found[: WINDOW - 1]).all()
    assert found[WINDOW - 1 :].tolist() == [3.0, 5.0]
    assert np.isnan(smooth([1.0] * (WINDOW - 1))).all()


def test_iterations_without_a_value_are_left_out_of_means() -> None:
    assert smooth([None, 2.0, None, 4.0, None])[-1] == 3.0
    assert np.isnan(smooth([None] * WINDOW)).all()


def test_the_band_is_a_prediction_interval_of_student() -> None:
    """Of seeds that stay where they are, by the formula of the textbook and a table's t."""
    levels = [0.1, 0.2, 0.4, 0.5]
    found = band([[level] * 30 for level in levels], prompts=24)
    mean, spread = 0.3, math.sqrt((0.04 + 0.01 + 0.01 + 0.04) / 3)
    half = 3.1824 * spread * math.sqrt(1 + 1 / 4)
    assert found.mean[10] == pytest.approx(mean)
    assert found.low[10] == pytest.approx(mean - half, abs=1e-4)
    assert found.high[10] == pytest.approx(mean + half, abs=1e-4)


def test_the_spread_is_that_of_the_iterations_around() -> None:
    """Seeds that part at one window of many have a band around it that reaches further."""
    low, high = [0.5] * 60, [0.5] * 60
    high[30:35] = [0.9] * 5
    found = band([low, low, high], prompts=24)
    width = found.high - found.low
    grain = GRAIN / (WINDOW * 24)
    assert width[20] == pytest.approx(2 * grain)
    assert width[30 - AROUND] > 2 * grain
    assert width[33] > width[27]


def test_seeds_that_agree_leave_room_for_some_prompts_and_the_seeds_are_inside() -> None:
    found = band([[1.0] * 10] * 3, prompts=24)
    assert found.low[-1] == pytest.approx(1 - GRAIN / (WINDOW * 24))
    wide = band([[0.0] * 10, [1.0] * 10, [1.0] * 10], prompts=24)
    assert wide.low[-1] < 0.0 and wide.high[-1] > 1.0


def test_seeds_may_end_at_different_iterations() -> None:
    found = band([[0.5] * 10, [0.6] * 10, [0.7] * 20], prompts=24)
    assert np.isfinite(found.low[WINDOW - 1 : 10 + WINDOW - 1]).all()
    assert np.isnan(found.low[10 + WINDOW - 1 :]).all()


def test_where_a_run_is_outside() -> None:
    made = band([[0.5] * 12, [0.5] * 12, [0.5] * 12], prompts=24)
    run = np.array([np.nan] * 4 + [0.5, 0.6, 0.6, 0.4, 0.5, np.nan, 0.9])
    assert outside(run, made).tolist() == [0, 0, 0, 0, 0, 1, 1, -1, 0, 0, 1]


def test_a_run_leaves_the_band_for_a_window_on_end_on_one_side() -> None:
    once = np.array([0] * 6 + [1] * (WINDOW - 1) + [-1] * (WINDOW - 1) + [0])
    assert departures(once) == []
    lasting = np.array([0] * 6 + [-1] * WINDOW + [0, 1, 1] + [1] * WINDOW)
    assert departures(lasting) == [
        Stretch(7, WINDOW, above=False),
        Stretch(8 + WINDOW, WINDOW + 2, above=True),
    ]
    assert departures(np.array([], dtype=int)) == []


def test_one_run_more_of_the_same_kind_mostly_stays_in_the_band() -> None:
    """Of 200 runs that differ by chance alone few leave it, and of those that do not, all."""
    dice = np.random.default_rng(0)

    def a_run(shift: float = 0.0) -> list[float]:
        own = 0.02 * dice.standard_normal()
        return (0.5 + own + shift + 0.06 * dice.standard_normal(50)).tolist()

    left = far = 0
    for _ in range(200):
        made = band([a_run() for _ in range(5)], prompts=24)
        left += bool(departures(outside(smooth(a_run()), made)))
        far += bool(departures(outside(smooth(a_run(0.4)), made)))
    assert left <= 20
    assert far == 200


def test_the_band_of_an_end_value() -> None:
    low, high = end_band([0.94, 0.95, 0.96], samples=600)
    half = 9.9248 * 0.01 * math.sqrt(4 / 3)
    assert (low, high) == pytest.approx((0.95 - half, 0.95 + half), abs=1e-5)
    assert end_band([0.5, 0.5, 0.5], 600) == pytest.approx((0.5 - GRAIN / 600, 0.5 + GRAIN / 600))
