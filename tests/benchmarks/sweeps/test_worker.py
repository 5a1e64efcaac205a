"""Trials share a process only where nothing that one leaves can reach the next."""

import json
from typing import Any

import pytest

from benchmarks.sweeps import SWEEPS, Point, Sweep, trials
from benchmarks.sweeps.worker import may_go_on
from vt_env.settings.tree import to_json

TWO = Sweep("two", "Which?", (Point("a", {"grpo.lr": 1e-4}), Point("b", {"grpo.lr": 1e-3})))


def planned(sweep: Sweep) -> list[str]:
    return [to_json(trial.settings) for trial in trials(sweep, 2)]


def with_setting(path: str, value: Any) -> list[str]:
    """The trials, all with a setting that need not be there: `may_go_on` reads text alone."""
    found = []
    for text in planned(TWO):
        whole = tree = json.loads(text)
        *above, last = path.split(".")
        for name in above:
            tree = tree[name]
        assert last in tree
        tree[last] = value
        found.append(json.dumps(whole))
    return found


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=str)
def test_shipped_sweeps_share_their_processes(sweep: Sweep) -> None:
    assert may_go_on(planned(sweep), 0) == (sweep.method == "grpo")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run.num_env_runners", 2),
        ("run.num_learners", 2),
        ("plugins", ["a.module"]),
        ("grpo.shaper", "some:shaper"),
        ("grpo.shaper", "folder/some.py:shaper"),
        ("rewards.terms", {"some.module:term": {}}),
        ("env.tools", ["resize", "some:Tool"]),
        ("engine.backend", "some.module:Engine"),
        ("env.id", "some.module:Env-v0"),
        ("judge.params", {"inner": {"name": "some:Judge.made"}}),
    ],
)
def test_what_may_remember_has_a_process_of_its_own(path: str, value: Any) -> None:
    assert may_go_on(planned(TWO), 0)
    assert not may_go_on(with_setting(path, value), 0)


def test_addresses_are_no_code() -> None:
    assert may_go_on(with_setting("judge.params", {"base_url": "http://127.0.0.1:8000/v1"}), 0)
    assert may_go_on(with_setting("data.name", "hf:owner/name"), 0)


def test_a_gpu_is_given_back_by_the_end_of_a_process() -> None:
    assert not may_go_on(planned(TWO), 1)


@pytest.mark.parametrize("path", ["engine.max_model_len", "run.threads"])
def test_what_a_process_takes_once_is_the_same_for_all(path: str) -> None:
    values = (1, 2) if path == "run.threads" else (512, 1024)
    points = tuple(Point(str(value), {path: value}) for value in values)
    assert not may_go_on(planned(Sweep("x", "Which?", points)), 0)
    assert may_go_on(planned(Sweep("x", "Which?", points[:1])), 0)
