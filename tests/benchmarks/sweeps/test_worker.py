"""Trials share a process only where nothing that one leaves can reach the next."""

from typing import Any

import pytest

from benchmarks.sweeps import SWEEPS, Point, Sweep, trials
from benchmarks.sweeps.worker import may_go_on
from vt_env.settings.tree import to_json

TWO = Sweep("two", "Which?", (Point("a", {"grpo.lr": 1e-4}), Point("b", {"grpo.lr": 1e-3})))


def planned(sweep: Sweep, **given: Any) -> list[str]:
    return [to_json(trial.settings) for trial in trials(sweep, 2, given)]


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=str)
def test_shipped_sweeps_share_their_processes(sweep: Sweep) -> None:
    assert may_go_on(planned(sweep), 0)


@pytest.mark.parametrize(
    "given",
    [
        {"run.num_env_runners": 2},
        {"run.num_learners": 2},
        {"grpo.shaper": "tests.some:shaper"},
        {"grpo.shaper": "folder/some.py:shaper"},
        {"rewards.terms": ("accuracy", "some:term")},
        {"engine.backend": "some.module:Engine"},
    ],
    ids=str,
)
def test_what_may_remember_has_a_process_of_its_own(given: dict[str, Any]) -> None:
    assert may_go_on(planned(TWO), 0)
    assert not may_go_on(planned(TWO, **given), 0)


def test_addresses_are_no_code() -> None:
    given = {"judge.params": {"base_url": "http://127.0.0.1:8000/v1"}, "data.source": "hf:a/b"}
    assert may_go_on(planned(TWO, **given), 0)


def test_plugins_have_a_process_of_their_own() -> None:
    text = planned(TWO)[0]
    assert '"plugins"' in text
    assert not may_go_on(planned(TWO, plugins=("tests.helpers",)), 0)


def test_a_gpu_is_given_back_by_the_end_of_a_process() -> None:
    assert not may_go_on(planned(TWO), 1)


@pytest.mark.parametrize("path", ["engine.max_model_len", "run.threads"])
def test_what_a_process_takes_once_is_the_same_for_all(path: str) -> None:
    values = (1, 2) if path == "run.threads" else (512, 1024)
    points = tuple(Point(str(value), {path: value}) for value in values)
    assert not may_go_on(planned(Sweep("x", "Which?", points)), 0)
    assert may_go_on(planned(Sweep("x", "Which?", points[:1])), 0)
