"""TRL's trainer beside ours: the same task in turns, and both train."""

from typing import Any

import pytest

from benchmarks.speed.grpo import TRL, measure, ratios, table
from benchmarks.speed.trl_grpo import TrlSteps
from benchmarks.speed.trl_setup import TrlError, installed
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

needs_trl = pytest.mark.skipif(not installed(), reason="needs the extra bench (trl, accelerate)")


def settings(**changes: Any) -> TrainSettings:
    """Two prompts, twice each, at a learning rate that moves weights."""
    given = {
        "engine.backend": "transformers",
        "grpo.num_prompts": 2,
        "grpo.num_generations": 2,
        "grpo.lr": 1e-3,
        "run.threads": 1,
    }
    return build(TrainSettings, given | changes)


@pytest.mark.slow
@needs_trl
def test_both_take_turns_on_the_same_task() -> None:
    heard: list[str] = []
    found = measure(settings(), 1, trl_batch=4, tell=heard.append)
    assert heard == found.task
    assert list(found.rounds) == ["tree", "padded", TRL]
    assert all(len(rounds) == 1 for rounds in found.rounds.values())
    for (phases,) in found.rounds.values():
        parts = phases["rollout"] + phases["learner"] + phases.get("sync", 0.0)
        assert parts == pytest.approx(phases["iteration"], rel=0.1)
        assert 0 < phases["generate"] <= phases["rollout"]
        assert 0 < phases["reference"] < phases["learner"]
    assert [line.split()[0] for line in found.task] == ["ours", TRL, "ours", TRL]
    assert all("4 episodes" in line for line in found.task)
    header, *lines = table(found.rounds)
    assert header.split()[-3:] == ["tree", "padded", TRL]
    assert lines[-1].split()[5:7] == ["1.00", "(1.00-1.00)"]


@pytest.mark.slow
@needs_trl
def test_what_fails_in_the_other_process_is_raised_here() -> None:
    bad = settings(**{"grpo.loss_type": "gmpo"}).resolved()  # TRL has none of that name
    with TrlSteps(bad, 1, 4) as trl, pytest.raises(TrlError, match="gmpo"):
        trl.ready()
        trl.step()


def test_a_table_of_ours_alone() -> None:
    rounds = [{"rollout": 1.0, "learner": 2.0, "iteration": 3.0}]
    rounds.append({"rollout": 2.0, "learner": 2.0, "iteration": 4.5})
    lines = table({"tree": rounds})
    assert [line.split() for line in lines[1:]] == [
        ["rollout", "1.000", "(1.500)"],
        ["learner", "2.000", "(2.000)"],
        ["iteration", "3.000", "(3.750)"],
        ["times", "the", "tree,", "by", "round", "1.00", "(1.00-1.00)"],
    ]


def test_ratios_are_of_the_same_round() -> None:
    """A machine that was twice as slow in one round was so for both."""
    ours = [{"iteration": seconds} for seconds in (1.0, 2.0, 1.0)]
    theirs = [{"iteration": seconds} for seconds in (4.0, 8.0, 3.0)]
    assert list(ratios({"tree": ours, TRL: theirs})) == [(1.0, 1.0, 1.0), (4.0, 3.0, 4.0)]
