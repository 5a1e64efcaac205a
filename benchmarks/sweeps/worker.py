"""A process that goes on with the next trial when one is done, and keeps its engine.

A trial must come to the same figures as in a process of its own, to the last digit. So only those
go on that leave nothing behind which the next one would meet; see `may_go_on`.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.evaluation.baselines import BeforeTraining
from benchmarks.sweeps.trial import TrialTask, run_trial
from judges.plugins import ENTRY_POINTS

END_S = 60
"""How long, in seconds, Tune waits for the thread of a trial that is done; its 2 s fail a trial."""
OWN_CODE = re.compile(r"[^:\s]+:[A-Za-z_][\w.-]*")
"""``module:attribute``, by which settings name code of one's own."""


def may_go_on(settings: Sequence[str], gpus: int) -> bool:
    """Whether one process may run these trials one after the other.

    Not on GPUs, whose memory a process does not give back as a whole; not with engines in
    processes of their own, which end with their trial; not where settings or installed plugins
    bring code that may remember what it did; not where trials differ in engine or threads, which a
    process takes once; and not where models are fine-tuned, of which nobody has compared it.

    Args:
        settings: Those of the trials, as JSON.
        gpus: GPUs of a trial.
    """
    trees = [json.loads(text) for text in settings]
    runs = [tree["run"] for tree in trees]
    if not all("grpo" in tree for tree in trees):
        return False
    if gpus or any(run["num_env_runners"] or run["num_learners"] for run in runs):
        return False
    if importlib.metadata.entry_points(group=ENTRY_POINTS) or any(map(_has_own_code, trees)):
        return False
    same = {json.dumps([tree["engine"], tree["run"]["threads"]], sort_keys=True) for tree in trees}
    return len(same) == 1


def _has_own_code(tree: Mapping[str, Any]) -> bool:
    return bool(tree["plugins"]) or any(map(OWN_CODE.fullmatch, _texts(tree)))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a tree of settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def run_trial_and_stay(
    config: Mapping[str, str], tasks: Mapping[str, TrialTask], starts: Mapping[str, BeforeTraining]
) -> None:
    """Runs a trial as `run_trial` does, with the engine that the one before it left.

    Args:
        config: As for `run_trial`.
        tasks: As there.
        starts: As there.
    """
    from agents.backends import kept_engine

    os.environ.setdefault("TUNE_FUNCTION_THREAD_TIMEOUT_S", str(END_S))
    with kept_engine():
        run_trial(config, tasks, starts)
    gc.collect()  # learners hold themselves in circles
