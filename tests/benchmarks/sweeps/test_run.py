"""Trials share the machine out, and a sweep runs what is missing of it."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.sweeps import SWEEPS, trials
from benchmarks.sweeps.run import Room, room
from benchmarks.training.run import without_times
from benchmarks.training.run_folder import RunFolder

PLANNED = trials(SWEEPS["penalty"], 3)
SMALL = (
    *("--grid", "grpo.shaper_params.fee=0,0.5", "--shaper", "fees:charge"),
    *("--run.checkpoint_every", "1", "--grpo.num_prompts", "3", "--eval-samples", "12"),
)
ONCE = ("--seeds", "1", "--iterations", "1")
TWICE = ("--seeds", "2", "--iterations", "3")
KNOWN = (
    *("--grid", "grpo.shaper_params.penalty=0,0.5", "--shaper", "every_request"),
    *("--run.checkpoint_every", "1", "--grpo.num_prompts", "3", "--eval-samples", "12"),
)
"""No code of one's own: trials go on in one process, with one engine."""
FEES = (
    "def charge(outcomes, fee=0.1):\n    return [-fee if o.requested else 0.0 for o in outcomes]\n"
)


@pytest.mark.parametrize(
    ("cores", "gpus", "gigabytes", "jobs", "expected"),
    [
        (2, 0, 16, 0, Room(2, 1)),
        (2, 0, 16, 1, Room(1, 2)),
        (2, 0, 5, 0, Room(1, 2)),  # memory for one
        (2, 0, 1, 0, Room(1, 2)),
        (16, 0, 128, 0, Room(12, 1)),  # as many as there are trials
        (16, 0, 25, 0, Room(8, 2)),
        (16, 0, 25, 2, Room(2, 8)),
        (64, 4, 256, 0, Room(4, 16, 1)),
        (64, 4, 256, 9, Room(4, 16, 1)),
        (1, 0, 16, 0, Room(1, 1)),
    ],
)
def test_cores_are_shared_out(
    cores: int, gpus: int, gigabytes: int, jobs: int, expected: Room
) -> None:
    assert room(PLANNED, cores, gpus, gigabytes * 1024**3, jobs) == expected


def test_trials_that_say_their_threads_have_them() -> None:
    memory = 64.0 * 1024**3
    assert room(trials(SWEEPS["penalty"], 3, {"run.threads": 2}), 2, 0, memory, 0) == Room(1, 2)
    assert room(PLANNED, 2, 0, math.inf, 0) == Room(2, 1), "of a cluster that does not say"
    assert room(PLANNED[:1], 16, 0, memory, 0) == Room(1, 16), "one trial has all cores"
    assert room(PLANNED[:1], 16, 0, memory, 0, 1) == Room(1, 1), (
        "but where the sweep has its number"
    )


def sweep(folder: Path, *words: str, settings: tuple[str, ...] = SMALL) -> "subprocess.Popen[str]":
    (folder / "fees.py").write_text(FEES)
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli.main", "sweep", *settings, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{Path(__file__).parents[3]}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def trees(root: Path) -> dict[str, list[dict[str, float]]]:
    (folder,) = (root / "runs" / "sweeps").iterdir()
    return {
        str(path.relative_to(folder)): [without_times(row) for row in RunFolder(path).metrics()]
        for path in sorted(folder.glob("trials/*/*/"))
    }


def test_a_shaper_of_ones_own_is_swept_over_its_parameter(tmp_path: Path) -> None:
    done = sweep(tmp_path, *ONCE)
    said = done.communicate(timeout=500)[0]
    assert done.returncode == 0, said
    found = trees(tmp_path)
    assert list(found) == ["trials/fee=0/0", "trials/fee=0.5/0"]
    free, dear = (rows[0].get("rewards/shaping/mean", 0.0) for rows in found.values())
    assert free == 0 and dear < 0, "the parameter reaches the shaper"
    again = sweep(tmp_path, *ONCE)
    said = again.communicate(timeout=100)[0]
    assert again.returncode == 0 and "0 of 2 trials are to be run" in said, said
    (folder,) = (tmp_path / "runs" / "sweeps").iterdir()
    for name in ("sweep.csv", "sweep.parquet", "results.json", "sweep.png", "sweep.json"):
        assert (folder / name).is_file()


def models(root: Path) -> dict[str, bytes]:
    """The trained weights of each trial, by its folder."""
    (folder,) = (root / "runs" / "sweeps").iterdir()
    found = sorted(folder.glob("trials/*/*/model/model.safetensors"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_trials_in_one_process_equal_those_in_processes_of_their_own(tmp_path: Path) -> None:
    """The kept engine's trial is the second; its seed is the first's, its settings are not."""
    together, alone = tmp_path / "together", tmp_path / "alone"
    words = ("--seeds", "1", "--iterations", "2", "--jobs", "1")
    for folder, more in ((together, ()), (alone, ("--only", "*0.5*"))):
        folder.mkdir()
        done = sweep(folder, *words, *more, settings=KNOWN)
        said = done.communicate(timeout=800)[0]
        assert done.returncode == 0, said
    assert len(trees(together)) == 2
    ((name, rows),) = trees(alone).items()
    assert "0.5" in name and len(rows) == 2
    assert trees(together)[name] == rows
    ((name, weights),) = models(alone).items()
    assert models(together)[name] == weights


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_three_times_and_resumed_it_equals_an_unbroken_one(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    done = sweep(whole, *TWICE, settings=KNOWN)
    said = done.communicate(timeout=1500)[0]
    assert done.returncode == 0, said
    for number in range(3):
        killed, begun = sweep(broken, *TWICE, settings=KNOWN), time.monotonic()
        wanted = 2 + 3 * number  # so many iterations in all, then the end
        while sum(map(len, _rows(broken))) < wanted and time.monotonic() - begun < 600:
            assert killed.poll() is None, killed.communicate()[0]
            time.sleep(0.2)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        time.sleep(5)  # Ray's processes end with their driver
    done = sweep(broken, *TWICE, settings=KNOWN)
    said = done.communicate(timeout=1500)[0]
    assert done.returncode == 0, said
    assert trees(broken) == trees(whole)
    assert len(models(whole)) == 4
    assert models(broken) == models(whole)


def _rows(root: Path) -> list[list[dict[str, float]]]:
    return list(trees(root).values()) if (root / "runs" / "sweeps").is_dir() else []
