"""The speed benchmark measures what it says; the bounds themselves are for a quiet machine."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed import data
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


@pytest.mark.parametrize(
    ("write", "bound"),
    # A file of a thousand rows does not fill the buffers of the parquet reader yet: up to 40 MB.
    [(data.write_jsonl, 100), (data.write_parquet, 800)],
)
def test_memory_of_large_files_is_small(tmp_path: Path, write: Any, bound: float) -> None:
    data.write_images(tmp_path)
    small, large = (data.measured_alone(write(tmp_path, rows)) for rows in (1000, 60_000))
    assert (small.rows, large.rows) == (1000, 60_000)
    memory, *_ = data.compare("rows", small, large)
    assert memory.ratio < bound


@pytest.mark.slow
@pytest.mark.parametrize("write", [data.write_jsonl, data.write_parquet])
def test_a_million_rows_take_a_few_bytes_each(tmp_path: Path, write: Any) -> None:
    data.write_images(tmp_path)
    memory, *_ = data.figures(tmp_path, write, 1_000_000)
    assert memory.holds, memory
