"""When a training is looked at, and what it needs for that."""

import pytest

from benchmarks.parity.courses import _Clock, _due, ours, theirs
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError
from vt_env.settings.tree import build


def test_the_last_iteration_is_looked_at_too() -> None:
    settings = build(TrainSettings, {"run.iterations": 7, "evaluation.every": 3})
    assert [n for n in range(1, 8) if _due(settings, n)] == [3, 6, 7]


def test_a_training_that_nobody_looks_at_is_refused() -> None:
    settings = build(TrainSettings, {"run.iterations": 1}).resolved()
    for train in (lambda: ours(settings, print), lambda: theirs(settings, 4, print)):
        with pytest.raises(ConfigError, match=r"evaluation\.every must be at least 1"):
            train()


def test_the_clock_stands_between_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.0, 100.0, 103.0])
    monkeypatch.setattr("benchmarks.parity.courses.time.perf_counter", lambda: next(times))
    clock = _Clock()
    for _ in range(2):
        clock.go()
        clock.stop()
    assert clock.seconds == 5.0
