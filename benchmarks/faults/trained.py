"""A training whose judge is a model at a server that fails: it learns the decision all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.fault_server import FaultPlan, FaultServer
from benchmarks.faults.judging import SHARE
from benchmarks.faults.replies import FAULTS
from benchmarks.faults.trial import Trial
from benchmarks.training.grpo import BY_GRPO
from benchmarks.training.run import train
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

KIND = "a training judged at a server that fails at three requests in ten"
NEED, NO_NEED = 0.9, 0.1
"""The bar: the share of requests at least where there is need, at most where there is none."""
KEY_VARIABLE, KEY = "OPENAI_API_KEY", "loopback"


@contextmanager
def _key() -> Iterator[None]:
    """The server's key in the environment, from which alone runs take it."""
    before = os.environ.get(KEY_VARIABLE)
    os.environ[KEY_VARIABLE] = KEY
    try:
        yield
    finally:
        if before is None:
            del os.environ[KEY_VARIABLE]
        else:
            os.environ[KEY_VARIABLE] = before


def trained_trial(place: Path, seed: int, iterations: int | None = None) -> Iterator[Trial]:
    """Trains with the settings of ``make train`` but for the judge, and looks at the bar.

    Args:
        place: Folder of the run.
        seed: Of the run, and of the faults.
        iterations: Fewer than ``make train`` has; None: as many.
    """
    plan = FaultPlan(SHARE, tuple(FAULTS), seed, key=KEY, latency=0.001)
    with _key(), FaultServer(plan) as server:
        judge = {
            "model": "m",
            "base_url": server.url,
            "base_delay": 0.05,
            "max_delay": 0.5,
            "request_seconds": 2.0,
        }
        given = {
            "run.seed": seed,
            "judge.name": "llm",
            "judge.params": judge,
            **({} if iterations is None else {"run.iterations": iterations}),
        }
        folder = train(build(TrainSettings, given), place, f"seed{seed}", method=BY_GRPO)
    last = folder.summary()
    need, no_need = last["request_rate_need"], last["request_rate_no_need"]
    found = f"asks on {need:.1%} of those in need, {no_need:.1%} of the others"
    yield Trial(f"{KIND}: {found}", need >= NEED and no_need <= NO_NEED, found)
