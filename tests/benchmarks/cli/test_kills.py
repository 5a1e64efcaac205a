"""A training that is killed again and again ends as one that was left alone."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.training.run import without_times
from tests.agents.helpers import read_weights

ROOT = Path(__file__).parents[3]
KILLS, ITERATIONS = 20, 30
SHORT = [
    *("--iterations", str(ITERATIONS), "--run.checkpoint_every", "1"),
    *("--grpo.num_prompts", "2", "--grpo.num_generations", "4", "--eval-samples", "4"),
    *("--lr", "1e-3", "--grpo.balanced_exploration", "0.5", "--grpo.token_budget", "0.6"),
    *("--evaluation.every", "7", "--evaluation.slice", "8"),
]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli.main", "train", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def rows(run: Path) -> list[dict[str, float]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [without_times(json.loads(line)) for line in lines]


def logged(run: Path) -> int:
    """Iterations that are logged, whole or not."""
    file = run / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.is_file() else 0


def saved(run: Path) -> int:
    """The iteration of the newest checkpoint; 0 where there is none."""
    names = [path.name for path in (run / "checkpoints").glob("iteration_*")]
    return max((int(name.removeprefix("iteration_")) for name in names), default=0)


def killed(run: Path, early: bool, dice: random.Random) -> bool:
    """Starts or resumes a run, and kills all of it at a moment that is drawn.

    Args:
        run: Its folder.
        early: Whether the moment may be before training goes on; else it is within two seconds of
            the first iteration that is logged.
        dice: Draws it.

    Returns:
        False if the run ended before.
    """
    before, trimmed = saved(run), False
    if run.exists() and not before:
        shutil.rmtree(run)
    new = [*SHORT, "--out", str(run.parent), "--run-id", run.name]
    process = start("--resume", str(run)) if before else start(*new)
    moment = time.monotonic() + (dice.uniform(0, 30) if early else 300)
    try:
        while process.poll() is None and time.monotonic() < moment:
            trimmed = trimmed or logged(run) == before  # a resumed run forgets what was not saved
            if not early and trimmed and logged(run) > before:
                moment, early = time.monotonic() + dice.uniform(0, 2), True
            time.sleep(0.02)
        return process.poll() is None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    unbroken, run, dice = tmp_path / "unbroken", tmp_path / "killed", random.Random(18)
    assert start(*SHORT, "--out", str(tmp_path), "--run-id", "unbroken").wait(600) == 0
    happened = sum(killed(run, number % 4 == 0, dice) for number in range(KILLS))
    assert happened == KILLS, "the training ended before it was killed so often"
    assert start("--resume", str(run)).wait(600) == 0
    assert rows(run) == rows(unbroken)
    kept = [(path / "rollouts.jsonl").read_bytes() for path in (run, unbroken)]
    assert kept[0] == kept[1]
    first, second = read_weights(unbroken / "model"), read_weights(run / "model")
    assert all(np.array_equal(first[name], second[name]) for name in first)
