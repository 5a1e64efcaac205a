import json
import shutil
from pathlib import Path

import pytest

from benchmarks.report.html.runs import find_runs, flat
from vt_env import ConfigError


def test_a_sweep_stands_for_the_runs_below_it(sweep: Path) -> None:
    runs = find_runs([sweep])
    assert [run.name for run in runs] == ["cheap/0", "cheap/1", "dear/0"]
    assert [run.seed for run in runs] == [0, 1, 0]
    one = runs[0]
    assert one.settings["rewards.price"] == 0.05
    assert [row["iteration"] for row in one.rows] == [1, 2, 3, 4]
    assert one.summary is not None and one.findings and one.starts
    assert len(one.episodes()) == len(one.before()) == 6
    assert len(one.rollouts()) == 16


def test_each_run_is_read_once_under_a_name_of_its_own(sweep: Path) -> None:
    one, other = sweep / "trials/cheap/0", sweep / "trials/dear/0"
    assert [run.name for run in find_runs([one, other, one, sweep / "trials/dear"])] == [
        "cheap/0", "dear/0",
    ]  # fmt: skip
    assert [run.name for run in find_runs([one])] == ["0"]


def test_a_run_under_way_is_read_as_far_as_it_is(sweep: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sweep / "trials/cheap/0", run)
    for name in ("summary.json", "provenance.json", "doctor.jsonl", "episodes.jsonl"):
        (run / name).unlink()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"iteration": 5, "rew')
    (found,) = find_runs([run])
    assert (found.summary, len(found.rows), found.findings) == (None, 4, [])
    assert (found.starts, found.episodes()) == ((), [])


def test_what_is_no_run_is_told(sweep: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no run folder"):
        find_runs([tmp_path])
    run = tmp_path / "run"
    shutil.copytree(sweep / "trials/cheap/0", run)
    (run / "settings.json").write_text("{")
    with pytest.raises(ConfigError, match=r"run/settings.json: cannot be read as JSON"):
        find_runs([run])


def test_settings_by_path() -> None:
    tree = json.loads('{"a": {"b": 1, "c": {"d": [1]}, "e": {}}, "f": null}')
    assert flat(tree) == {"a.b": 1, "a.c.d": [1], "f": None}
