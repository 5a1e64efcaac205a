"""The speed benchmark measures what it says; the bounds themselves are for a quiet machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed import data, parser, world
from benchmarks.speed import env as speed
from vt_env.tasks import World


def test_figures_know_whether_they_hold() -> None:
    assert speed.Figure("a", 1.0, 1.1, at_most=True).holds
    assert not speed.Figure("a", 1.2, 1.1, at_most=True).holds
    assert speed.Figure("a", 2.6, 2.5, at_most=False).holds
    assert "MISSED" in str(speed.Figure("a", 2.4, 2.5, at_most=False))


def test_drawing_is_measured_in_samples_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that says when each round began and ended; the best round counts."""
    times = iter([0.0, 4.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(world.time, "perf_counter", lambda: next(times))
    assert world.per_second(World(suite="mixed"), 3, rounds=3) == 3.0


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


def test_a_file_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    data.write_images(tmp_path)
    cost = data.measured_alone(data.write_jsonl(tmp_path, 200))
    assert cost.rows == 200
    assert len(data.compare("jsonl", cost, replace(cost, rows=400))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("write", [data.write_jsonl, data.write_parquet])
def test_a_million_rows_take_a_few_bytes_each(tmp_path: Path, write: Any) -> None:
    data.write_images(tmp_path)
    memory, *_ = data.figures(tmp_path, write, 1_000_000)
    assert memory.holds, memory
