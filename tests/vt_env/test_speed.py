"""The speed benchmark measures what it says; the bounds themselves are for a quiet machine."""

from pathlib import Path

import pytest

from benchmarks.speed import env as speed


def test_figures_know_whether_they_hold() -> None:
    assert speed.Figure("a", 1.0, 1.1, at_most=True).holds
    assert not speed.Figure("a", 1.2, 1.1, at_most=True).holds
    assert speed.Figure("a", 2.6, 2.5, at_most=False).holds
    assert "MISSED" in str(speed.Figure("a", 2.4, 2.5, at_most=False))


def test_a_ratio_is_that_of_the_work() -> None:
    work = [0]

    def count(times: int) -> None:
        for _ in range(times):
            work[0] += 1

    ratio = speed.compare(lambda: count(400_000), lambda: count(100_000), rounds=5)
    assert 2 < ratio < 8
    assert work[0] == 5 * 500_000


@pytest.mark.parametrize("measure", [speed.against_pillow, speed.vector_stepping])
def test_overheads_are_small(tmp_path: Path, measure: object) -> None:
    assert callable(measure)
    figure = measure(tmp_path, 3)
    assert 0.4 < figure.ratio < 2.5


def test_the_first_view_of_a_large_jpeg_does_not_decode_it_whole(tmp_path: Path) -> None:
    assert speed.first_observation(tmp_path, 3).ratio > 1.5


def test_memory_stays_flat(tmp_path: Path) -> None:
    assert speed.memory(tmp_path, 2000).ratio < 1.1
