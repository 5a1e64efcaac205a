"""Trials that two sweeps share are trained once; equal settings are found, not assumed."""

import json
from dataclasses import replace
from pathlib import Path

from benchmarks.paper.material import Material
from benchmarks.paper.reuse import NOTE, take_over
from benchmarks.sweeps import SWEEPS, trials
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.results import results

SHARED = {"none", "theta0.2"}


def test_equal_trials_are_taken_over(tmp_path: Path, penalty: Material) -> None:
    theta, folder = SWEEPS["theta"], SweepFolder(tmp_path / "theta")
    planned = trials(theta, 2)
    checkpoint = penalty.folder.trial(penalty.planned[0]).checkpoint(2)
    checkpoint.mkdir(parents=True)
    told = take_over(planned, folder, tmp_path)
    assert (
        "theta/theta0.2/1 is penalty/paper-theta0.2/1: all of their settings are the same." in told
    )
    done = [trial for trial in planned if folder.is_done(trial)]
    assert {(t.point, t.seed) for t in done} == {(name, s) for name in SHARED for s in (0, 1)}
    for trial in done:
        note = json.loads((folder.trial(trial).path / NOTE).read_text())
        assert note["trial"].startswith("penalty/")
        assert not folder.trial(trial).checkpoints.exists()
    found = results(theta, planned, folder)
    assert {point.point for point in found} == SHARED, "the start came with them"
    assert take_over(planned, folder, tmp_path) == [], "once is enough"


def test_another_setting_is_another_trial(tmp_path: Path, penalty: Material) -> None:
    planned = trials(SWEEPS["theta"], 2, {"grpo.lr": 1e-4})
    assert take_over(planned, SweepFolder(tmp_path / "theta"), tmp_path) == []
    assert not (tmp_path / "theta").exists()


def test_what_is_begun_or_not_done_is_left_alone(tmp_path: Path, penalty: Material) -> None:
    folder = SweepFolder(tmp_path / "theta")
    none = [trial for trial in trials(SWEEPS["theta"], 2) if trial.point == "none"]
    folder.trial(none[0]).checkpoint(1).mkdir(parents=True)
    other = next(t for t in penalty.planned if (t.point, t.seed) == ("none", 1))
    (penalty.folder.trial(other).path / "summary.json").unlink()
    assert take_over(none, folder, tmp_path) == []
    moved = [replace(trial, seed=9) for trial in none]
    assert take_over(moved, folder, tmp_path) == [], "no seed of that number is there"
