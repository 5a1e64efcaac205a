"""The headline compares with the model before RL, so that forgetting does not pay."""

from dataclasses import replace

import pytest

from agents import Pass, Trajectory
from benchmarks.evaluation.baselines import (
    AfterTraining,
    BeforeTraining,
    play_after,
    play_before,
    summarise,
)
from tests.agents.helpers import trajectory
from vt_env import Outcome


def episode(name: str, need: bool, requested: bool, correct: bool) -> Trajectory:
    return trajectory(
        sample_id=name,
        outcome=Outcome(correct, requested, True, need),
        reward_terms={"accuracy": float(correct), "token_cost": -0.125 if requested else -0.025},
        visual_tokens=45 if requested else 9,
    )


def model(reads: bool) -> tuple[list[Trajectory], list[Trajectory]]:
    """Both forced decisions on four samples, of which the first two need the request."""
    needs = {"a": True, "b": True, "c": False, "d": False}
    low = [episode(name, need, False, reads and not need) for name, need in needs.items()]
    high = [episode(name, need, True, reads) for name, need in needs.items()]
    return low, high


def plain(reads: bool) -> list[Trajectory]:
    """One pass over the full-resolution image on the same samples."""
    direct = [episode(name, name in "ab", False, reads) for name in "abcd"]
    return [
        replace(t, visual_tokens=36, reward_terms={**t.reward_terms, "token_cost": -0.1})
        for t in direct
    ]


def decided(low: list[Trajectory], high: list[Trajectory]) -> list[Trajectory]:
    return [
        asked if asked.outcome.needs_high_res else direct
        for direct, asked in zip(low, high, strict=True)
    ]


def test_a_model_that_forgets_to_read_regrets_it() -> None:
    low, high = model(reads=True)
    before = BeforeTraining(low, low, high, plain(reads=True))
    kept = summarise(before, AfterTraining(decided(low, high), low, low, high))
    assert kept["regret_to_start_oracle"] == kept["regret_to_oracle"] == 0.0
    blind_low, blind_high = model(reads=False)
    policy = decided(blind_low, blind_high)
    forgot = summarise(before, AfterTraining(policy, blind_low, blind_low, blind_high))
    assert forgot["regret_to_oracle"] == 0.0  # it does what is best for one that cannot read
    assert forgot["regret_to_start_oracle"] == 1.0
    assert forgot["baselines"]["start_oracle"]["regret_to_start_oracle"] == 0.0
    assert forgot["baselines"]["start_oracle"]["accuracy"] == 1.0
    assert forgot["baselines"]["oracle"]["regret_to_start_oracle"] == 1.0


def test_regret_is_in_units_of_reward() -> None:
    low, high = model(reads=True)
    before = BeforeTraining(low, low, high, plain(reads=True))
    summary = summarise(before, AfterTraining(high, high, low, high))
    assert summary["regret_to_start_oracle"] == pytest.approx(2 * 0.1 / 4)
    assert summary["baselines"]["always_low"]["regret_to_start_oracle"] == pytest.approx(0.45)
    vanilla = summary["baselines"]["vanilla"]
    assert vanilla["regret_to_start_oracle"] == pytest.approx(0.1 - (2 * 0.125 + 2 * 0.025) / 4)
    assert vanilla["resize_call_ratio"] == 0.0
    full = before.vanilla[0].full_tokens
    assert vanilla["visual_tokens/share_of_full"] == pytest.approx(36 / full)


def test_a_side_is_played_with_one_call() -> None:
    low, _ = model(reads=True)
    asked: list[list[Pass]] = []

    def play(passes: list[Pass]) -> list[list[Trajectory]]:
        asked.append(passes)
        return [[replace(t, answer=str(number)) for t in low] for number in range(len(passes))]

    before = play_before(play, 16, 3)  # type: ignore[arg-type]
    after = play_after(play, 16, 3)  # type: ignore[arg-type]
    ways = [[(one.sampling.temperature, one.decision) for one in passes] for passes in asked]
    assert ways == [
        [(1.0, None), (0.0, "answer"), (0.0, "request"), (0.0, "vanilla")],
        [(0.0, None), (1.0, None), (0.0, "answer"), (0.0, "request")],
    ]
    assert [before.untrained[0].answer, before.always_high[0].answer] == ["0", "2"]
    assert before.vanilla[0].answer == "3"
    assert [after.policy[0].answer, after.sampled[0].answer] == ["0", "1"]
    assert [after.always_low[0].answer, after.always_high[0].answer] == ["2", "3"]
