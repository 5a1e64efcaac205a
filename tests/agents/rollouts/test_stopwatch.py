"""Seconds by phase: added up, taken once, kept through errors."""

from types import SimpleNamespace

import pytest

from agents.rollouts import stopwatch
from agents.rollouts.stopwatch import Stopwatch, slowest


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    return clock


def test_phases_add_up_and_are_taken_once(now: list[float]) -> None:
    timed = Stopwatch()
    with timed("whole"):
        for seconds in (1.0, 2.0):
            with timed("part"):
                now[0] += seconds
        now[0] += 0.5
    assert timed.take() == {"part": 3.0, "whole": 3.5}
    assert timed.take() == {}


def test_a_phase_that_fails_took_its_time(now: list[float]) -> None:
    timed = Stopwatch()
    with pytest.raises(ValueError, match="no"), timed("part"):
        now[0] += 1.0
        raise ValueError("no")
    assert timed.take() == {"part": 1.0}


def test_parts_side_by_side_take_as_long_as_the_longest() -> None:
    assert slowest([{"a": 1.0, "b": 2.0}, {"a": 3.0}]) == {"a": 3.0, "b": 2.0}
    assert slowest([]) == {}
