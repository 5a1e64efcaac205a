import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.grpo.advantages import EPSILON, finish_groups, group_advantages
from tests.agents.helpers import trajectory
from vt_env.rewards import Outcome, group_shaper

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
