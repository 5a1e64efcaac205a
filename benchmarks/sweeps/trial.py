"""A trial as a worker of Ray Tune runs it: a training run in its folder, begun or gone on with."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from benchmarks.evaluation.baselines import BeforeTraining

SHOWN = ("accuracy", "reward", "resize_call_ratio", "request_rate_need", "request_rate_no_need")
"""Metrics that Tune is told of."""


@dataclass(frozen=True)
class TrialTask:
    """What a worker needs to know of a trial; it opens settings by itself, plugins first.

    Attributes:
        folder: The run folder, absolute.
        settings: `TrainSettings` as JSON.
        log: File for what the run says.
    """

    folder: Path
    settings: str
    log: Path


def run_trial(
    config: Mapping[str, str], tasks: Mapping[str, TrialTask], starts: Mapping[str, BeforeTraining]
) -> None:
    """Runs one trial to its end, and tells Tune of each iteration.

    Args:
        config: ``{"trial": id}``.
        tasks: All trials, by id.
        starts: The model before RL, by what it was played on (`start_key`).
    """
    from ray import tune

    task = tasks[config["trial"]]
    with saying_to(task.log):
        from benchmarks.training.run import Hooks, finish

        settings = load(task.settings)

        def tell(iteration: int, metrics: Mapping[str, float]) -> None:
            shown = {name: metrics[name] for name in SHOWN if name in metrics}
            tune.report({"iteration": iteration, **shown})

        hooks = Hooks(tell=tell, before=starts.get(start_key(task.settings)))
        finish(settings, task.folder, hooks)


def play_start(settings: str, log: Path) -> BeforeTraining:
    """Plays the model before RL on the held-out samples of these settings.

    What is drawn at temperature 1 has the seed 0, whichever trial the settings are of.
    """
    with saying_to(log):
        from benchmarks.training.run import measure_start

        values = json.loads(settings)
        values["run"]["seed"] = 0
        return measure_start(load(json.dumps(values)))


def load(settings: str) -> Any:
    """`TrainSettings` of their JSON."""
    from benchmarks.training.settings import TrainSettings
    from vt_env.settings.tree import build

    return build(TrainSettings, json.loads(settings))


def start_key(settings: str) -> str:
    """What the evaluation of the model before RL hangs on, as text: equal keys share it.

    Nothing of the training does, nor does the seed, which draws episodes at temperature 1 alone.
    """
    values = json.loads(settings)
    kept = {name: value for name, value in values.items() if name not in ("grpo", "run")}
    kept["evaluation"] = {
        name: value
        for name, value in values["evaluation"].items()
        if name not in ("every", "slice")
    }
    kept["threads"] = values["run"]["threads"]
    return json.dumps(kept, sort_keys=True)


class _Voice(io.TextIOBase):
    """Stands for standard output and error while a trial says what it does to its file.

    What takes a stream once for the whole of a process (loggers do) goes on to the next trial's.
    """

    encoding = "utf-8"

    def __init__(self) -> None:
        self.files: list[TextIO] = []

    def write(self, text: str) -> int:
        return self._now().write(text)

    def flush(self) -> None:
        self._now().flush()

    def fileno(self) -> int:
        return self._now().fileno()

    def _now(self) -> TextIO:
        file = self.files[-1] if self.files else sys.__stderr__
        assert file is not None
        return file


_voice = _Voice()


@contextlib.contextmanager
def saying_to(log: Path) -> Any:
    """Sends what is printed to a file, at its end."""
    from benchmarks.report.terminal import console

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as file:
        _voice.files.append(file)
        before, console.file = console.file, file
        try:
            with contextlib.redirect_stdout(_voice), contextlib.redirect_stderr(_voice):
                yield
        finally:
            console.file = before
            _voice.files.remove(file)
