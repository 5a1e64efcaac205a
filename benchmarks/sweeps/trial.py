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

from agents.engine import told_model
from benchmarks.evaluation.baselines import BeforeTraining
from benchmarks.sweeps.catalogue.definitions import TREES

SHOWN = ("accuracy", "reward", "resize_call_ratio", "request_rate_need", "request_rate_no_need")
"""Metrics that Tune is told of."""


@dataclass(frozen=True)
class TrialTask:
    """What a worker needs to know of a trial; it opens settings by itself, plugins first.

    Attributes:
        folder: The run folder, absolute.
        settings: Those of its method, as JSON.
        log: File for what the run says.
        method: Name of how it learns.
    """

    folder: Path
    settings: str
    log: Path
    method: str = "grpo"


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
        from benchmarks.training.method import method_named
        from benchmarks.training.run import Hooks, finish

        settings = load(task.settings, task.method)

        def tell(iteration: int, metrics: Mapping[str, float]) -> None:
            shown = {name: metrics[name] for name in SHOWN if name in metrics}
            tune.report({"iteration": iteration, **shown})

        hooks = Hooks(tell=tell, before=starts.get(start_key(task.settings)))
        finish(settings, task.folder, hooks, method_named(task.method))


def play_start(settings: str, log: Path) -> BeforeTraining:
    """Plays the model before RL on the held-out samples of these settings.

    What is drawn at temperature 1 has the seed 0, whichever trial the settings are of; the judge
    of training, where it is another, is not asked for.
    """
    with saying_to(log):
        from benchmarks.training.run import measure_start

        values = as_evaluated(json.loads(settings))
        values["run"]["seed"] = 0
        values.pop("sft", None)  # a model that learned nothing plays alike, however it is to learn
        return measure_start(load(json.dumps(values)))


def load(settings: str, method: str = "grpo") -> Any:
    """Settings of a method, of their JSON."""
    from vt_env.settings.tree import build

    return build(TREES[method], json.loads(settings))


def as_evaluated(values: dict[str, Any]) -> dict[str, Any]:
    """The same settings with one judge, that of evaluations."""
    own = dict(values["evaluation"])
    name, params = own.pop("judge", None), own.pop("judge_params", {})
    judge = values["judge"] if name is None else {"name": name, "params": params}
    return {**values, "evaluation": own, "judge": judge}


def start_key(settings: str) -> str:
    """What the evaluation of the model before RL hangs on, as text: equal keys share it.

    Nothing of the training does, its judge included where evaluations have another; nor does the
    seed, which draws episodes at temperature 1 alone.
    """
    values = as_evaluated(json.loads(settings))
    kept = {name: value for name, value in values.items() if name not in (*TREES, "run")}
    kept["evaluation"] = {
        name: value
        for name, value in values["evaluation"].items()
        if name not in ("every", "slice")
    }
    kept["engine"] = {**kept["engine"], "model_dir": told_model(kept["engine"]["model_dir"])}
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
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as file:
        _voice.files.append(file)
        try:
            with contextlib.redirect_stdout(_voice), contextlib.redirect_stderr(_voice):
                yield
        finally:
            _voice.files.remove(file)
