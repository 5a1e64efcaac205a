"""Points over seeds, under one reward, beside the first."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.terminal import console
from benchmarks.sweeps import Point, Sweep, trials
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.picture import draw
from benchmarks.sweeps.results import results, show_results, write_results
from benchmarks.sweeps.table import tidy
from tests.benchmarks.sweeps.made import SWEEP, finish_trial, made


def test_the_common_reward_is_recomputed_of_episodes(tmp_path: Path) -> None:
    folder, planned = made(tmp_path)
    free, dear = results(SWEEP, planned, folder)
    assert (free.point, free.seeds, free.versus) == ("free", (0, 1, 2), None)
    assert free.metrics["common_reward"].mean == pytest.approx(1.375)
    assert dear.metrics["common_reward"].mean == pytest.approx(0.975)
    assert free.metrics["common_regret"].mean == pytest.approx((1.375 + 1.475) / 2 - 1.375)
    assert free.metrics["reward"].mean == 1.0, "a trial's own stands beside it"
    assert (free.oracle_requests, dear.varied["grpo.shaper_params.penalty"]) == (0.5, 0.5)
    assert dear.versus is not None and dear.versus.mean == pytest.approx(-0.4)
    assert (dear.versus.samples, dear.improves) == (2, 0.0)


def test_the_same_ids_of_other_data_are_not_paired(tmp_path: Path) -> None:
    """A setting of the world draws other samples under the same ids."""
    points = (SWEEP.points[0], Point("rare", {"world.need": 0.02}))
    folder, sweep = SweepFolder(tmp_path), Sweep("needs", "Which?", points)
    planned = trials(sweep, 1)
    for trial in planned:
        finish_trial(folder, trial, asks=True)
    (first, second) = results(sweep, planned, folder)
    assert (second.versus, second.improves) == (None, None)
    assert first.metrics["common_reward"] == second.metrics["common_reward"]


def test_they_are_written_printed_and_drawn(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=1)
    found = results(SWEEP, planned, folder)
    write_results(SWEEP, found, folder.path / "results.json")
    points = json.loads((folder.path / "results.json").read_text())["points"]
    assert points[0]["metrics"]["accuracy"] == {
        "mean": 1.0, "low": None, "high": None, "iqm": 1.0, "seeds": 1,
    }  # fmt: skip
    with console.capture() as shown:
        show_results(SWEEP, found)
    assert "dear beside free on the same 2 samples" in shown.get()
    assert "Fewer than 3 seeds" in shown.get() and "1 never" in shown.get()
    draw(SWEEP, found, tidy(SWEEP, planned, folder), folder.path / "sweep.png")
    assert (folder.path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_enough_seeds_have_intervals(tmp_path: Path) -> None:
    folder, planned = made(tmp_path)
    with console.capture() as shown:
        show_results(SWEEP, results(SWEEP, planned, folder))
    assert "Fewer than" not in shown.get() and "100…100%" in shown.get()
    assert "0.05…0.05" in shown.get()


def test_no_figure_is_cut_on_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, planned = made(tmp_path)
    monkeypatch.setattr(console, "width", 80)
    found = [
        replace(point, point=f"{point.point}-with-a-long-name", ends=("always", "never", "between"))
        for point in results(SWEEP, planned, folder)
    ]
    with console.capture() as shown:
        show_results(SWEEP, found)
    said = shown.get()
    for words in ("regret", "100.0%", "125.0%", "0.050", "1 between", "0.05…0.05"):
        assert words in said, words
