"""The speed benchmark measures what it says; the bounds themselves are for a quiet machine."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed import data, parser
from benchmarks.speed import env as speed


def test_figures_know_whether_they_hold() -> None:
    assert speed.Figure("a", 1.0, 1.1, at_most=True).holds
    assert not speed.Figure("a", 1.2, 1.1, at_most=True).holds
    assert speed.Figure("a", 2.6, 2.5, at_most=False).holds
    assert "MISSED" in str(speed.Figure("a", 2.4, 2.5, at_most=False))


def test_a_ratio_is_that_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that the work itself sets, so that a busy machine changes nothing."""
    now = [0.0]
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])

    def work(seconds: float) -> None:
        now[0] += seconds

    assert speed.compare(lambda: work(4.0), lambda: work(1.0), rounds=5) == 4.0
    assert now[0] == 25.0


@pytest.mark.parametrize(
    "measure", [speed.against_pillow, speed.first_observation, speed.vector_stepping]
)
def test_every_figure_is_measured(tmp_path: Path, measure: Any) -> None:
    figure = measure(tmp_path, 1)
    assert figure.ratio > 0
    assert str(figure.bound) in str(figure)


def test_the_parser_is_measured() -> None:
    milliseconds, pattern, place = parser.slowest(rounds=1)
    assert milliseconds > 0
    assert len(parser.hostile(pattern, place, 1000)) >= 1000


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
