"""A training that is killed again and again, at every kind of moment, ends as one left alone."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.trial import Trial
from benchmarks.training.run import without_times
from benchmarks.training.run_folder import RunFolder

ITERATIONS = 24
EVERY = 3
"""Iterations between evaluations of the held-out slice."""
SETTINGS = (
    *("--iterations", str(ITERATIONS), "--run.checkpoint_every", "1"),
    *("--grpo.num_prompts", "2", "--grpo.num_generations", "4", "--eval-samples", "4"),
    *("--lr", "1e-3", "--grpo.balanced_exploration", "0.5", "--grpo.token_budget", "0.6"),
    *("--evaluation.every", str(EVERY), "--evaluation.slice", "8"),
)
MOMENTS = (
    *("start", "rollout", "learner", "weight sync", "checkpoint", "evaluation"),
    *("rollout", "learner", "weight sync", "checkpoint", "evaluation", "start"),
    *("rollout", "learner", "weight sync", "checkpoint", "evaluation", "start"),
    *("model save", "summary"),
)
"""When the training is killed, one kill after the other: twenty."""
OWN = ("run", "seconds", "seconds_in_all", "peak_memory_gb")
"""What a summary says that is another each time."""
POLL = 0.005
PATIENCE = 600.0
"""Seconds after which a moment that does not come is given up."""


@dataclass(frozen=True)
class Seen:
    """What is seen of a run from outside.

    Attributes:
        rows: Iterations that are logged.
        since: Seconds since the last of them appeared; since the start where none has.
        began: Whether an iteration was logged since this start.
        times: Seconds that the parts of the last iteration took, by name.
        folder: The run's.
    """

    rows: int
    since: float
    began: bool
    times: Mapping[str, float]
    folder: RunFolder

    @property
    def evaluates(self) -> bool:
        """Whether rollouts of an iteration are written whose row is not."""
        return int(_last(self.folder.rollouts_file).get("iteration", 0)) > self.rows

    @property
    def saves(self) -> bool:
        """Whether a checkpoint is being written."""
        return any(self.folder.checkpoints.glob(".draft_[0-9]*"))

    def within(self, first: float, last: float, share: float) -> bool:
        """Whether so much of a part of the iteration is over, which begins and ends so."""
        return self.began and self.since >= first + share * (last - first)


Ready = Callable[[Seen, float], bool]


def _rollout(seen: Seen, share: float) -> bool:
    return seen.within(0.0, seen.times.get("rollout", 0.0), share)


def _learner(seen: Seen, share: float) -> bool:
    begun = seen.times.get("rollout", 0.0)
    return seen.within(begun, begun + seen.times.get("learner", 0.0), share)


def _sync(seen: Seen, share: float) -> bool:
    begun = seen.times.get("rollout", 0.0) + seen.times.get("learner", 0.0)
    return seen.within(begun, begun + seen.times.get("sync", 0.0), share)


READY: Mapping[str, Ready] = {
    "start": lambda seen, share: not seen.began and seen.since >= 15 * share,
    "rollout": _rollout,
    "learner": _learner,
    "weight sync": _sync,
    "checkpoint": lambda seen, _share: seen.saves,
    "evaluation": lambda seen, _share: seen.began and seen.evaluates,
    "model save": lambda seen, _share: (seen.folder.path / "model").is_dir(),
    "summary": lambda seen, _share: (seen.folder.path / "episodes.jsonl").is_file(),
}
"""Whether a moment has come, given what is seen and a share of it that was drawn."""


def start(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """``visionthink train`` in processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli.main", "train", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_trials(place: Path, seed: int, moments: Sequence[str] = MOMENTS) -> Iterator[Trial]:
    """Kills a training at these moments, one after the other, and compares how it ends.

    Args:
        place: An empty folder for two runs: one is left alone.
        seed: Draws the moments.
        moments: When; names of `READY`.

    Yields:
        A trial a kill, when it is known how the run ended.
    """
    unbroken, broken, dice = place / "unbroken", place / "broken", random.Random(seed)
    new = [*SETTINGS, "--out", str(place), "--run-id"]
    code = start([*new, unbroken.name]).wait(PATIENCE)
    came = [killed(broken, new, moment, dice) for moment in moments]
    ended = start(["--resume", str(broken)]).wait(PATIENCE) if broken.exists() else 1
    fault = _difference(unbroken, broken) if (code, ended) == (0, 0) else "a run did not end well"
    for moment, hit in zip(moments, came, strict=True):
        found = fault or ("" if hit else "the moment did not come")
        yield Trial(f"killed: {moment}", not found, found)


def killed(run: Path, new: Sequence[str], moment: str, dice: random.Random) -> bool:
    """Starts or resumes a run, and kills all of its processes at a moment.

    Returns:
        False if the moment did not come.
    """
    folder = RunFolder(run)
    if run.exists() and not (run / "settings.json").is_file():
        shutil.rmtree(run)  # it was killed before anything was promised
    begun, share = time.monotonic(), dice.random()
    words = ["--resume", str(run)] if run.exists() else [*new, run.name]
    process, last, count, before = start(words), begun, -1, _saved(folder)
    times: dict[str, float] = {}
    try:
        while process.poll() is None and time.monotonic() < begun + PATIENCE:
            if (lines := _lines(folder.metrics_file)) != count:
                count, last = lines, time.monotonic()
                row = _last(folder.metrics_file)
                times = {name.removeprefix("timing/"): took for name, took in row.items()}
            seen = Seen(count, time.monotonic() - last, count > before, times, folder)
            if READY[moment](seen, share):
                return True
            time.sleep(POLL)
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.is_file() else 0


def _last(file: Path) -> dict[str, Any]:
    """The last whole row of a file; empty where there is none."""
    rows = file.read_bytes().split(b"\n")[:-1] if file.is_file() else []
    found: dict[str, Any] = json.loads(rows[-1]) if rows else {}
    return found


def _saved(folder: RunFolder) -> int:
    """The iteration that a run goes on from."""
    latest = folder.latest_checkpoint()
    return latest[0] if latest else 0


def _difference(unbroken: Path, broken: Path) -> str:
    """What differs between two runs that are to be the same; empty where nothing does."""
    first, second = (_told(path) for path in (unbroken, broken))
    return ", ".join(name for name in first if not _same(first[name], second[name]))


def _told(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    folder = RunFolder(path)
    summary = folder.summary()
    return {
        "metrics": [without_times(row) for row in folder.metrics()],
        "rollouts": folder.rollouts_file.read_bytes(),
        "the final evaluation": {name: summary[name] for name in summary if name not in OWN},
        "weights": load_file(path / "model" / "model.safetensors"),
    }


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and all(isinstance(v, np.ndarray) for v in first.values()):
        same = first.keys() == second.keys()
        return same and all(np.array_equal(first[name], second[name]) for name in first)
    return bool(first == second)
