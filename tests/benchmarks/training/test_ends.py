"""Processes of a run that end: a real training goes on, or says in a line what ended."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from agents.errors import ProcessEndedError
from benchmarks.safety.stopping import stoppable
from benchmarks.training.run import Hooks, train, without_times
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

SMALL = {
    "run.iterations": 2, "run.checkpoint_every": 1, "engine.backend": "transformers",
    "grpo.num_prompts": 4, "grpo.num_generations": 4, "evaluation.samples": 4,
}  # fmt: skip


def kill_after(name: str, seconds: float) -> Hooks:
    """Kills the first process of that name some time after the first iteration."""

    def kill() -> None:
        time.sleep(seconds)
        found = (p for p in psutil.Process().children(recursive=True) if p.name().startswith(name))
        os.kill(next(found).pid, signal.SIGKILL)

    def tell(iteration: int, _metrics: Mapping[str, float]) -> None:
        if iteration == 1:
            threading.Thread(target=kill).start()

    return Hooks(tell=tell)


@pytest.mark.slow
def test_a_run_whose_runner_was_killed_has_the_metrics_of_the_unbroken_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = build(TrainSettings, {**SMALL, "run.num_env_runners": 2})
    whole = train(settings, tmp_path, "whole")
    broken = train(settings, tmp_path, "broken", kill_after("ray::GRPOEnvRun", 0.3))
    assert "it is started again (1 of 3)" in capsys.readouterr().out
    assert list((broken.path / "logs").glob("worker-*.err"))
    assert list(map(without_times, whole.metrics())) == list(map(without_times, broken.metrics()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "what", "extra"),
    [
        ("gcs_server", "Ray's gcs_server", {}),
        ("raylet", "Ray's raylet", {}),
        ("ray::_WrappedEx", r"learner \d", {"run.num_learners": 2}),
    ],
)
def test_what_ends_for_good_is_told_with_how_to_go_on(
    name: str, what: str, extra: Mapping[str, int], tmp_path: Path
) -> None:
    settings = build(TrainSettings, {**SMALL, **extra, "run.iterations": 200})
    again = rf"Iteration \d+ is saved. To go on: visionthink train --resume {tmp_path}/run"
    with (
        stoppable(),
        pytest.raises(ProcessEndedError, match=rf"{what} \(pid \d+\) ended. Its log: .*{again}"),
    ):
        train(settings, tmp_path, "run", kill_after(name, 0.1))
    (log,) = (tmp_path / "run/logs").iterdir()
    assert log.is_file()
