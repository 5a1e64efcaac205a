from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.grpo.advantages import (
    EPSILON,
    advantage_estimator,
    finish_groups,
    group_advantages,
)
from tests.agents.helpers import trajectory
from vt_env.errors import ConfigError, RegistryError, UnknownNameError
from vt_env.rewards import Outcome
from vt_env.shapers import group_shaper

REWARDS = st.lists(st.floats(-2, 2, width=32), min_size=8, max_size=8)


def test_matches_the_textbook_case() -> None:
    rewards = np.array([[1.0, 0.0, 0.0, 1.0]])
    spread = torch.tensor(rewards).std(dim=1).item()  # of the sample, as TRL computes it
    expected = (rewards - 0.5) / (spread + EPSILON)
    np.testing.assert_allclose(group_advantages(rewards), expected)


@given(values=REWARDS)
def test_a_group_is_centred(values: list[float]) -> None:
    for scale in ("group", "batch", "none"):
        advantages = group_advantages(np.array(values).reshape(2, 4), scale)  # type: ignore[arg-type]
        np.testing.assert_allclose(advantages.sum(axis=1), 0.0, atol=1e-6)


@given(values=REWARDS, shift=st.floats(-5, 5, width=32))
def test_a_constant_changes_nothing(values: list[float], shift: float) -> None:
    rewards = np.array(values).reshape(2, 4)
    for scale in ("batch", "none"):
        before = group_advantages(rewards, scale)  # type: ignore[arg-type]
        np.testing.assert_allclose(group_advantages(rewards + shift, scale), before, atol=1e-2)  # type: ignore[arg-type]


def test_equal_rewards_teach_nothing() -> None:
    np.testing.assert_allclose(group_advantages(np.full((2, 3), 0.7)), 0.0, atol=1e-9)


def test_an_abstention_leaves_mean_and_loss() -> None:
    advantages = group_advantages(np.array([[1.0, 0.0, np.nan]]), "none")
    np.testing.assert_allclose(advantages, [[0.5, -0.5, np.nan]])


def test_a_group_with_one_verdict_compares_nothing() -> None:
    np.testing.assert_array_equal(
        group_advantages(np.array([[1.0, np.nan]])), np.array([[0.0, np.nan]])
    )


def test_a_group_whose_rewards_hardly_differ_stays_in_training() -> None:
    """The published code drops and refills a group whose rewards spread less than 1e-4."""
    rewards = [1.475, 1.475, 1.47502, 1.475]
    assert np.std(rewards, ddof=1) < 1e-4
    group = [trajectory(reward_terms={"accuracy": reward}) for reward in rewards]
    for values in (group, [trajectory()] * 4):
        done = finish_groups(values, 4, group_shaper("none"), "group")
        assert len(done) == 4
        assert all(t.advantage is not None and abs(t.advantage) < 0.2 for t in done)
    spread = [t.advantage for t in finish_groups(group, 4, group_shaper("none"), "group")]
    assert spread[2] == max(spread, key=lambda advantage: advantage or 0.0) != 0.0


def test_finish_groups_shapes_and_leaves_abstentions_out() -> None:
    right = Outcome(correct=True, requested=True, well_formed=True)
    unknown = Outcome(correct=None, requested=False, well_formed=True)
    wrong = Outcome(correct=False, requested=False, well_formed=True)
    group = [
        trajectory(outcome=right, reward_terms={"accuracy": 1.0}),
        trajectory(outcome=unknown, reward_terms={}),
        trajectory(outcome=wrong, reward_terms={"accuracy": 0.0}),
    ]
    done = finish_groups(group, 3, group_shaper("all_penalty", penalty=0.25), "none")
    assert done[0].reward_terms == {"accuracy": 1.0, "shaping": -0.25}
    assert [t.advantage for t in done] == [pytest.approx(0.375), None, pytest.approx(-0.375)]


def leave_one_out(rewards: Any, scale_rewards: str) -> Any:
    """RLOO: the reward less the mean of the others."""
    others = (np.nansum(rewards, axis=1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


def transposed(rewards: Any, scale_rewards: str) -> Any:
    return rewards.T


def unknowing(rewards: Any, scale_rewards: str) -> Any:
    return np.full_like(rewards, np.nan)


def of_rewards_alone(rewards: Any) -> Any:
    return rewards


def test_an_estimator_of_ones_own() -> None:
    group = [trajectory(reward_terms={"accuracy": value}) for value in (1.0, 0.0, 0.0, 0.0)]
    estimator = advantage_estimator(f"{__name__}:leave_one_out")
    done = finish_groups(group, 4, group_shaper("none"), "none", estimator)
    assert [t.advantage for t in done] == pytest.approx([1.0, -1 / 3, -1 / 3, -1 / 3])


def test_an_estimator_keeps_what_is_unknown_unknown() -> None:
    rewards = np.array([[1.0, 0.0, np.nan]])
    for name in ("grpo", f"{__name__}:leave_one_out"):
        found = advantage_estimator(name)(rewards, "group")
        assert np.isnan(found).tolist() == [[False, False, True]]


def test_an_estimator_that_cannot_work_is_told_by_name() -> None:
    with pytest.raises(UnknownNameError, match=r"advantage_estimator 'gpro'\. Did you mean 'grpo'"):
        advantage_estimator("gpro")
    with pytest.raises(RegistryError, match="must take 2 argument"):
        advantage_estimator(f"{__name__}:of_rewards_alone")
    with pytest.raises(ConfigError, match=r"of the shape of the rewards, \(1, 3\), got \(3, 1\)"):
        advantage_estimator(f"{__name__}:transposed")(np.zeros((1, 3)), "group")
    with pytest.raises(ConfigError, match="a finite number for every known reward"):
        advantage_estimator(f"{__name__}:unknowing")(np.zeros((1, 3)), "group")
