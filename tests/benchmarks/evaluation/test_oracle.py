import pytest

from benchmarks.evaluation.oracle import oracle_episodes, regret
from tests.agents.helpers import trajectory
from vt_env.rewards import Outcome


def episode(name: str, need: bool | None, requested: bool, correct: bool, reward: float):
    return trajectory(
        sample_id=name,
        outcome=Outcome(correct, requested, True, need),
        reward_terms={"accuracy": reward},
        visual_tokens=20 if requested else 4,
    )


LOW = [
    episode("a", True, False, False, 0.4),
    episode("b", False, False, True, 1.4),
    episode("c", None, False, False, 0.4),
    episode("d", None, False, True, 1.4),
]
HIGH = [
    episode("a", True, True, True, 1.3),
    episode("b", False, True, True, 1.3),
    episode("c", None, True, True, 1.3),
    episode("d", None, True, True, 1.3),
]


def test_the_oracle_follows_need_and_takes_the_better_side_of_the_margin() -> None:
    oracle, margin = oracle_episodes(LOW, HIGH)
    assert margin == "request"
    assert [t.outcome.requested for t in oracle] == [True, False, True, True]


def test_the_oracle_answers_in_the_margin_when_that_pays_more() -> None:
    low = [*LOW[:2], episode("c", None, False, True, 1.4), LOW[3]]
    oracle, margin = oracle_episodes(low, HIGH)
    assert margin == "answer"
    assert [t.outcome.requested for t in oracle] == [True, False, False, False]


def test_misaligned_episodes_are_refused() -> None:
    with pytest.raises(ValueError, match="same order"):
        oracle_episodes(LOW, HIGH[::-1])


def test_regret_is_what_the_oracle_has_over_a_policy() -> None:
    assert regret(0.9, 1.35) == 0.45
    assert regret(None, 1.0) is None
    assert regret(1.0, None) is None
