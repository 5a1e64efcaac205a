"""A sweep's folder is gone on with, and never overwritten."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.sweeps import trials
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.trial import start_key
from tests.benchmarks.sweeps.made import SWEEP, made
from vt_env import ConfigError
from vt_env.settings.tree import to_json


def test_what_is_done_is_known(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=1)
    more = trials(SWEEP, 2)
    folder.check(more)
    assert [folder.is_done(trial) for trial in more] == [True, True, False, False]
    assert folder.summary(planned[0])["accuracy"] == 1.0


def test_more_seeds_are_added_to_the_definition(tmp_path: Path) -> None:
    folder, _ = made(tmp_path, seeds=1)
    folder.write_definition(SWEEP, trials(SWEEP.only("dear"), 3))
    points = json.loads(folder.definition_file.read_text())["points"]
    assert {name: point["seeds"] for name, point in points.items()} == {
        "free": [0], "dear": [0, 1, 2],
    }  # fmt: skip
    assert points["dear"]["settings"]["grpo.shaper_params"] == {"penalty": 0.5}
    assert "run.seed" not in points["dear"]["settings"]


def test_a_sweep_keeps_its_number_of_threads(tmp_path: Path) -> None:
    folder, _ = made(tmp_path, seeds=1)
    assert folder.threads() == 0
    folder.keep_threads(2)
    folder.write_definition(SWEEP, trials(SWEEP, 3))
    assert folder.threads() == 2
    assert len(json.loads(folder.definition_file.read_text())["points"]) == 2


def test_other_settings_under_the_same_names_are_refused(tmp_path: Path) -> None:
    folder, _ = made(tmp_path, seeds=1)
    with pytest.raises(ConfigError, match=r"free/0/settings.json: run.iterations is 50, .* 3 now"):
        folder.check(trials(SWEEP, 1, {"run.iterations": 3}))


def test_a_checkout_that_moved_goes_on_with_its_sweeps(tmp_path: Path) -> None:
    """The embedded model lies in the checkout, and its path among the settings."""
    folder, planned = made(tmp_path, seeds=1)
    file = folder.trial(planned[0]).path / "settings.json"
    here = planned[0].settings.engine.model_dir
    before = planned[0].settings
    assert file.read_text().count(here) == 1
    file.write_text(file.read_text().replace(here, "/elsewhere/agents/tiny/checkpoint"))
    folder.check(planned)
    moved = replace(before, engine=replace(before.engine, model_dir="/old/agents/tiny/checkpoint"))
    assert start_key(to_json(moved)) == start_key(to_json(before))
    file.write_text(file.read_text().replace("/elsewhere/agents/tiny/checkpoint", "/my/model"))
    with pytest.raises(ConfigError, match=r"engine.model_dir is '/my/model'"):
        folder.check(planned)


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds no sweep"):
        SweepFolder(tmp_path).check(trials(SWEEP, 1))


def test_only_trials_without_a_checkpoint_are_begun_anew(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=1)
    for trial in planned:
        folder.clear_unsaved(trial)
        assert folder.is_done(trial), "what is complete stays"
    first, second = (folder.trial(trial) for trial in planned)
    for run in (first, second):
        (run.path / "summary.json").unlink()
    second.checkpoint(1).mkdir(parents=True)
    for trial in planned:
        folder.clear_unsaved(trial)
    assert (first.path.exists(), second.path.exists()) == (False, True)
