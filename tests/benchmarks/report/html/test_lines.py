from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.lines import (
    as_lines,
    curve,
    differing,
    last_mean,
    moving_mean,
    told_value,
)
from benchmarks.report.html.runs import Run


def run(values: list[float], seed: int = 0, **settings: Any) -> Run:
    rows = [{"iteration": n, "reward": value} for n, value in enumerate(values, 1)]
    given = {path.replace("__", "."): value for path, value in settings.items()}
    return Run(Path("r"), f"seed{seed}", {"run.seed": seed, **given}, rows)


def test_seeds_of_one_setting_are_one_line() -> None:
    runs = [run([1], 0, a__price=0.1), run([1], 0, a__price=0.2), run([1], 1, a__price=0.1)]
    lines = as_lines(runs)
    assert [(line.label, len(line.runs)) for line in lines] == [("price 0.1", 2), ("price 0.2", 1)]
    assert differing(runs) == ["a.price"]
    assert [line.label for line in as_lines(runs[:1])] == ["seed0"]
    assert [line.label for line in as_lines([runs[0], runs[2]])] == ["2 seeds"]


def test_trials_of_a_sweep_are_called_by_their_points() -> None:
    def trial(point: str, seed: int, fee: float) -> Run:
        return replace(run([1], seed, a__fee=fee), name=f"{point}/{seed}")

    runs = [trial("free", 0, 0.0), trial("dear", 0, 0.5), trial("free", 1, 0.0)]
    assert [(line.label, len(line.runs)) for line in as_lines(runs)] == [("free", 2), ("dear", 1)]
    same = [*runs, trial("free", 2, 0.7)]
    assert [line.label for line in as_lines(same)] == ["fee 0.0", "fee 0.5", "fee 0.7"]


def test_names_that_end_alike_are_given_whole() -> None:
    (one, _) = as_lines([run([1], a__x=1, b__x=[]), run([1], a__x=2, b__x=["c"])])
    assert one.label == "a.x 1, b.x none"
    assert told_value(["a", "b"]) == "a,b"


def test_a_curve_has_the_band_of_its_seeds() -> None:
    found = curve([run([1.0, 2.0]), run([3.0, 2.0, 5.0], 1)], "reward")
    assert found is not None
    assert found.x == (1, 2, 3)
    assert (found.mean, found.low, found.high) == ((2, 2, 5), (1, 2, 5), (3, 2, 5))
    assert curve([run([1.0])], "accuracy") is None


def test_long_curves_are_smoothed() -> None:
    assert moving_mean([0.0, 1.0] * 9) == [0.0, 1.0] * 9
    smooth = moving_mean([0.0, 1.0] * 20)
    assert smooth[5:-5] == pytest.approx([0.5] * 30)
    assert len(smooth) == 40


def test_the_last_rows_of_every_seed() -> None:
    runs = [run([0.0, 1.0, 3.0]), run([9.0], 1)]
    assert last_mean(runs, "reward", 2) == pytest.approx(13 / 3)
    assert last_mean(runs, "accuracy") is None
