"""A run's folder: checkpoints whole or refused, and nothing of a run's past lost."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.errors import CheckpointError
from agents.manifest import check_manifest, write_manifest
from benchmarks.report.provenance import ROOT, version
from benchmarks.safety.writer import LOCK
from benchmarks.training.run import resume
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError
from vt_env.settings.tree import build

SETTINGS = build(TrainSettings, {"grpo.num_prompts": 4, "run.iterations": 9})


class Saves:
    """Saves as `GRPO` does: nested files, then the list of them."""

    def __init__(self, position: int) -> None:
        self.position = position

    def save_to_path(self, path: str) -> None:
        for name in ("algorithm_state.pkl", "learner_group/learner/state.pkl"):
            file = Path(path) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{name} {self.position}")
        write_manifest(Path(path), {"position": self.position})


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of 4 prompts an iteration that was stopped after its third."""
    folder = RunFolder.planned(tmp_path, SETTINGS, "run")
    folder.create(SETTINGS)
    for iteration in (1, 2, 3):
        folder.log(iteration, {"loss": 0.5, "seconds": float(iteration)})
        if iteration == 2:
            folder.save_checkpoint(Saves(8), iteration)
    folder.close()
    return folder


def test_a_whole_checkpoint_passes(run: RunFolder) -> None:
    latest = run.latest_checkpoint()
    assert latest is not None and latest[0] == 2
    run.check_progress(2, position=8)
    assert not list(run.checkpoints.glob(".draft*"))


def test_a_checkpoint_takes_the_place_of_the_one_before(run: RunFolder) -> None:
    run.save_checkpoint(Saves(12), 3)
    assert [path.name for path in run.checkpoints.iterdir()] == ["iteration_00003"]
    run.check_progress(3, position=12)


def test_where_the_newest_is_damaged_the_one_before_serves(run: RunFolder) -> None:
    run.save_checkpoint(Saves(12), 3, keep=2)
    position, said = {2: 8, 3: 12}.get, []
    assert run.whole_checkpoint(position, said.append) == (3, run.checkpoint(3))
    assert said == []
    file = next(path for path in run.checkpoint(3).iterdir() if path.name != "manifest.json")
    file.unlink()
    assert run.whole_checkpoint(position, said.append) == (2, run.checkpoint(2))
    assert len(said) == 1 and f"{file.name} is missing" in said[0]
    assert "Going on from the one before it, of iteration 2." in said[0]
    shutil.rmtree(run.checkpoint(2))
    with pytest.raises(CheckpointError, match="is not whole"):
        run.whole_checkpoint(position, said.append)
    shutil.rmtree(run.checkpoint(3))
    assert run.whole_checkpoint(position, said.append) is None


@pytest.mark.parametrize("name", ["../x", "", ".", "..", "a/b", "/tmp/x"])
def test_a_run_has_the_name_of_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="--run-id"):
        RunFolder.planned(tmp_path / "runs", SETTINGS, name)
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder_for_runs(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for root in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "runs"):
        with pytest.raises(ConfigError, match=r"notes\.txt is a file"):
            RunFolder.planned(root, SETTINGS)


def test_the_newest_is_told_by_its_number(run: RunFolder) -> None:
    source = run.checkpoint(2)
    for name in ("iteration_99999", "iteration_100000", "iteration_old", ".draft_100001"):
        shutil.copytree(source, run.checkpoints / name)
    latest = run.latest_checkpoint()
    assert latest is not None and latest[0] == 100_000


def spoil_metrics(change: Callable[[list[str]], list[str]]) -> Callable[[RunFolder], Any]:
    def spoil(run: RunFolder) -> None:
        lines = run.metrics_file.read_text().splitlines(keepends=True)
        run.metrics_file.write_text("".join(change(lines)))

    return spoil


FAULTS: dict[str, tuple[Callable[[RunFolder], Any], str]] = {
    "the learner's folder is gone": (
        lambda run: shutil.rmtree(run.checkpoint(2) / "learner_group"),
        r"iteration_00002: is not whole: learner_group/learner/state\.pkl is missing; copy",
    ),
    "another iteration's": (
        lambda run: run.checkpoint(2).rename(run.checkpoint(7)),
        "is not of iteration 7 of this run",
    ),
    "another run's": (
        lambda run: Saves(48).save_to_path(str(run.checkpoint(2))),
        "is not of iteration 2 of this run .it is at position 48 of the prompts, not at 8",
    ),
    "no metrics": (lambda run: run.metrics_file.unlink(), "lacks the metrics of iteration 1"),
    "metrics cut off": (spoil_metrics(lambda lines: [lines[0], lines[1][:9]]), "of iteration 2"),
    "metrics with a hole": (spoil_metrics(lambda lines: lines[1:]), "of iteration 1"),
    "metrics out of order": (spoil_metrics(lambda lines: lines[1::-1]), "of iteration 1"),
    "metrics of another shape": (spoil_metrics(lambda _: ["[1]\n"] * 3), "of iteration 1"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_that_is_not_whole_does_not_go_on(name: str, run: RunFolder) -> None:
    spoil, message = FAULTS[name]
    spoil(run)
    files = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(CheckpointError, match=message) as error:
        resume(run.path)
    assert "\n" not in str(error.value)
    now = [path for path in run.path.rglob("*") if path.is_file() and path.name != LOCK]
    kept = {path: path.read_bytes() for path in now}
    assert kept == files, "a run that cannot go on is left as it is"


def test_half_a_line_after_the_checkpoint_is_played_again(run: RunFolder) -> None:
    with run.metrics_file.open("a") as file:
        file.write('{"iteration": 4, "lo')
    run.check_progress(2, position=8)
    run.forget_after(2)
    assert [row["iteration"] for row in run.metrics()] == [1, 2]


def test_rollouts_are_forgotten_with_the_metrics(run: RunFolder) -> None:
    for iteration in (1, 2, 2, 3):
        run.log_rollouts([json.dumps({"iteration": iteration}) + "\n"])
    with run.rollouts_file.open("a") as file:
        file.write('{"iteration": 4, "to')
    run.forget_after(2)
    rows = [json.loads(line) for line in run.rollouts_file.read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 2]
    run.rollouts_file.unlink()
    run.forget_after(1)
    assert not run.rollouts_file.exists()
    assert [row["iteration"] for row in run.metrics()] == [1]


def test_a_stopped_save_leaves_the_checkpoint_before(run: RunFolder) -> None:
    class Stops(Saves):
        def save_to_path(self, path: str) -> None:
            (Path(path) / "algorithm_state.pkl").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.save_checkpoint(Stops(12), 3)
    latest = run.latest_checkpoint()
    assert latest is not None and latest[0] == 2
    assert json.dumps(dict(check_manifest(latest[1]).about)) == '{"position": 8}'


def test_a_run_says_what_it_was_made_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/visionthink", "train", "--seed", "3"])
    folder = RunFolder.planned(tmp_path, SETTINGS, "run")
    folder.create(SETTINGS)
    folder.note_start()
    first, again = json.loads((folder.path / "provenance.json").read_text())
    assert first["visionthink"] == again["visionthink"] == version()
    assert first["command"] == ["visionthink", "train", "--seed", "3"]
    assert first["packages"]["numpy"] == np.__version__
    assert first["python"].startswith("3.")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if head.returncode == 0:
        assert first["commit"].rstrip("+") == head.stdout.strip()
    else:
        assert first["commit"] is None


REFILLS = build(
    TrainSettings, {"grpo.num_prompts": 4, "grpo.dynamic_sampling": True, "run.iterations": 9}
)


@pytest.mark.parametrize(
    ("position", "logged", "message"),
    [
        (11, 11.0, None),
        (8, 11.0, "it is at position 8 of the prompts, not at 11"),
        (8, None, "it is at position 8 of the prompts, not at -1"),
    ],
)
def test_where_groups_are_refilled_the_metrics_tell_the_position(
    position: int, logged: float | None, message: str | None, tmp_path: Path
) -> None:
    folder = RunFolder.planned(tmp_path, REFILLS, "run")
    folder.create(REFILLS)
    for iteration, told in ((1, 4.0), (2, logged)):
        more = {} if told is None else {"groups/position": told}
        folder.log(iteration, {"loss": 0.5, **more})
    folder.save_checkpoint(Saves(position), 2)
    folder.close()
    if message is None:
        folder.check_progress(2, None)
        folder.metrics_file.unlink()
        message = "lacks the metrics of iteration 1"
    with pytest.raises(CheckpointError, match=message):
        resume(folder.path)


def test_a_run_from_elsewhere_is_told_before_it_goes_on(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    assert run.whole_checkpoint({2: 8}.get, said.append) == (2, run.checkpoint(2))
    assert said == []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of another user"))
    assert run.whole_checkpoint({2: 8}.get, said.append) == (2, run.checkpoint(2))
    assert len(said) == 1
    assert f"{run.checkpoint(2)}: was not written by this user on this machine" in said[0]
    assert "runs what its 2 pickled files hold" in said[0]
