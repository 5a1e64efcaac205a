"""Each damage to each file of a run is made, and what it comes to is told rightly."""

from pathlib import Path

import pytest

from benchmarks.faults.damages import DAMAGES, damage_trials
from benchmarks.faults.trial import tallies
from benchmarks.training.grpo import BY_GRPO
from benchmarks.training.run_folder import RunFolder
from tests.benchmarks.training.test_run_folder import SETTINGS, Saves


def made(root: Path, keep: int) -> RunFolder:
    """A run with so many checkpoints that was stopped after its third iteration."""
    folder = RunFolder.planned(root, SETTINGS, "run")
    folder.create(SETTINGS)
    for iteration in (1, 2, 3):
        folder.log(iteration, {"loss": 0.5, "seconds": float(iteration)})
        folder.save_checkpoint(Saves(4 * iteration), iteration, keep)
    folder.close()
    return folder


def test_all_damages_hold(tmp_path: Path) -> None:
    run = made(tmp_path, keep=2)
    trials = list(damage_trials(run.path, BY_GRPO, tmp_path / "copy"))
    assert [trial for trial in trials if not trial.held] == []
    counted = {tally.kind: tally.trials for tally in tallies(trials)}
    files = 3  # two of the checkpoint's, and their list
    assert all(counted[f"a file of the newest checkpoint: {kind}"] == files for kind in DAMAGES)
    assert counted["a file of both checkpoints: one byte turned"] == files
    assert not (tmp_path / "copy").exists()
    assert run.whole_checkpoint({2: 8, 3: 12}.get, pytest.fail) == (3, run.checkpoint(3))


def test_a_checkpoint_that_is_not_looked_at_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(tmp_path, keep=2)
    monkeypatch.setattr(RunFolder, "check_progress", lambda *_: None)
    trials = list(damage_trials(run.path, BY_GRPO, tmp_path / "copy"))
    newest = [trial for trial in trials if "the newest checkpoint" in trial.kind]
    assert newest and not any(trial.held for trial in newest)
    assert "goes on from iteration 3" in newest[0].found


def test_it_takes_two_checkpoints(tmp_path: Path) -> None:
    run = made(tmp_path, keep=1)
    with pytest.raises(ValueError, match="has not two checkpoints"):
        next(damage_trials(run.path, BY_GRPO, tmp_path / "copy"))
