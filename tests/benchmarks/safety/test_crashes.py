"""A power cut at any moment leaves a run that goes on, with all that it had promised."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open

from benchmarks.training.run_folder import BEST_FILE, RunFolder
from benchmarks.training.settings import SFTSettings
from benchmarks.training.sft import BY_SFT
from tests.benchmarks.safety.crash_run import MORE
from tests.benchmarks.safety.disk import (
    ACKNOWLEDGED,
    Disk,
    Loss,
    Step,
    read_steps,
    read_tree,
    run_recorded,
    shim,
    write_tree,
)

LOSSES: tuple[Loss, ...] = ("nothing", "data", "names", "both")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Step], Path]:
    """The steps of a run of two iterations that then goes on for two more, and its folder."""
    place = tmp_path_factory.mktemp("crash")
    root, log = place / "runs", place / "steps"
    root.mkdir()
    words = ["-m", "tests.benchmarks.safety.crash_run", str(root)]
    done = run_recorded(shim(place), root, log, words)
    assert done.returncode == 0, done.stderr[-3000:]
    return read_steps(log), root


def test_every_step_was_written_down(recorded: tuple[list[Step], Path]) -> None:
    steps, root = recorded
    disk = Disk()
    for step in steps:
        if step.what != ACKNOWLEDGED:
            disk.do(step)
    left, there = disk.left("nothing"), read_tree(root)
    assert sorted(left) == sorted(there)
    found = {name: None if content is None else content.data for name, content in left.items()}
    assert [name for name in found if found[name] != there[name]] == []
    assert [step.offset for step in steps if step.what == ACKNOWLEDGED] == [1, 2, 3, 4]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_power_cut_loses_nothing_that_was_promised(
    recorded: tuple[list[Step], Path], tmp_path: Path, loss: Loss
) -> None:
    disk, promised, seen = Disk(), 0, set()
    for number, step in enumerate(recorded[0]):
        if step.what == ACKNOWLEDGED:
            promised = step.offset
        else:
            disk.do(step)
        tree = {k: v for k, v in disk.left(loss).items() if "tensorboard" not in k}
        if (state := (tuple(tree.items()), promised)) in seen:
            continue
        seen.add(state)
        place = tmp_path / str(number)
        write_tree(tree, place, tmp_path / "pool")
        try:
            check(place / "run", promised)
        except Exception as error:
            raise AssertionError(f"after step {number}, {step.what} {step.path}") from error
        shutil.rmtree(place)
    assert len(seen) > 20


def check(path: Path, promised: int) -> None:
    """Asks of a folder what a run that goes on asks of it, before any engine starts."""
    folder = RunFolder(path)
    if not (path / "settings.json").is_file():
        assert promised == 0, "the settings are gone"
        return
    settings = SFTSettings.load(path / "settings.json").resolved()
    told: list[str] = []
    found = folder.whole_checkpoint(lambda n: BY_SFT.position(settings, n), told.append)
    assert (found[0] if found else 0) >= promised
    assert told == [], "no checkpoint is ever half a one"
    folder.forget_after(found[0] if found else 0)
    assert len(folder.metrics()) == (found[0] if found else 0)
    if (best := folder.best()) is not None:
        assert best["iteration"] >= 1
        assert weights(folder.best_model)
    if promised >= 2:  # it was evaluated
        assert best is not None
        assert (folder.best_model / BEST_FILE).is_file()
    if folder.is_complete:
        summary = json.loads(folder.summary_file.read_text())
        assert summary["iterations"] in (2, MORE)
        assert weights(path / "model")
    starts = path / "provenance.json"
    assert not starts.exists() or json.loads(starts.read_bytes())


def weights(folder: Path) -> list[str]:
    with safe_open(str(folder / "model.safetensors"), framework="np") as file:
        return [name for name in file.keys() if file.get_tensor(name).size]  # noqa: SIM118
