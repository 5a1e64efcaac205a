"""The price that keeps a budget of visual tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rollouts.budget import next_multiplier, priced, visual_share
from tests.agents.helpers import trajectory


def test_what_is_spent_is_measured_on_those_who_chose() -> None:
    low, high = trajectory(), trajectory(visual_tokens=20)
    assert visual_share([low, high]) == pytest.approx((0.25 + 1.25) / 2)
    assert visual_share([low, trajectory(visual_tokens=20, forced="request")]) == 0.25
    assert visual_share([trajectory(forced="answer")]) is None


def test_the_price_is_a_term_of_the_reward() -> None:
    low, high = trajectory(), trajectory(visual_tokens=20)
    assert priced([low, high], 0.0) == [low, high]
    found = priced([low, high], 0.4)
    assert [t.reward_terms["budget"] for t in found] == pytest.approx([-0.1, -0.5])
    assert [t.reward for t in found] == pytest.approx([1.4, 1.0])
    assert "budget" not in low.reward_terms


def test_it_rises_above_the_budget_and_falls_below() -> None:
    assert next_multiplier(0.0, 0.9, 0.5, 0.1) == pytest.approx(0.04)
    assert next_multiplier(0.04, 0.4, 0.5, 0.1) == pytest.approx(0.03)
    assert next_multiplier(0.04, 0.0, 0.5, 0.1) == 0.0
    assert next_multiplier(0.04, None, 0.5, 0.1) == 0.04


@given(
    start=st.floats(0, 10),
    shares=st.lists(st.floats(0, 2), max_size=20),
    target=st.floats(0.1, 2),
    lr=st.floats(0.01, 1),
)
def test_it_is_never_a_reward(start: float, shares: list[float], target: float, lr: float) -> None:
    value = start
    for share in shares:
        moved = next_multiplier(value, share, target, lr)
        assert moved >= 0.0
        assert (moved >= value) if share >= target else (moved <= value)
        value = moved


@pytest.mark.parametrize("target", [0.6])
def test_a_policy_that_answers_to_the_price_comes_to_the_budget(target: float) -> None:
    """Asks ever less as the price rises: the share ends at the target."""
    value, share = 0.0, 1.25
    for _ in range(400):
        value = next_multiplier(value, share, target, 0.1)
        share = 0.25 + max(0.0, 1.0 - value)
    assert share == pytest.approx(target, abs=1e-3)
