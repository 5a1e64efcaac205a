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


def test_leave_one_out() -> None:
    rewards = np.array([[1.0, 0.0, 0.5, np.nan], [2.0, np.nan, np.nan, np.nan]])
    found = advantage_estimator("rloo")(rewards, "group")
    expected = [[1 - 0.25, 0 - 0.75, 0.5 - 0.5, np.nan], [0.0, np.nan, np.nan, np.nan]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(found, advantage_estimator("rloo")(rewards, "none"))
    batch = advantage_estimator("rloo")(rewards, "batch")
    assert np.nanstd(batch, ddof=1) == pytest.approx(1.0, abs=1e-3)


@given(values=REWARDS)
def test_reinforce_pp_is_whitened_over_the_batch(values: list[float]) -> None:
    rewards = np.array(values).reshape(2, 4)
    found = advantage_estimator("reinforce_pp")(rewards, "group")
    centred = [[r - sum(group) / 4 for r in group] for group in rewards.tolist()]
    flat = [a for group in centred for a in group]
    spread = (sum((a - sum(flat) / 8) ** 2 for a in flat) / 7) ** 0.5
    expected = [(a - sum(flat) / 8) / (spread + EPSILON) for a in flat]
    np.testing.assert_allclose(found.reshape(-1), expected, atol=1e-9)


def all_right_half_asked() -> list[Any]:
    return [
        trajectory(reward_terms={"accuracy": 1.0, "format": 0.5, "token_cost": -cost})
        for cost in (0.025, 0.125) * 4
    ]


def test_a_price_is_not_as_loud_as_correctness_term_by_term() -> None:
    """All right and half asked: +-0.93 by the group's deviation, +-0.093 term by term."""
    shaper = group_shaper("none")
    plain = finish_groups(all_right_half_asked(), 8, shaper, "group")
    assert plain[0].advantage == pytest.approx(0.0535 / 0.0536, abs=0.07)
    estimator = advantage_estimator("per_term")
    done = finish_groups(all_right_half_asked(), 8, shaper, "group", estimator)
    assert plain[0].advantage is not None
    assert [t.advantage for t in done] == pytest.approx([plain[0].advantage / 10,
                                                         -plain[0].advantage / 10] * 4)  # fmt: skip
    twice = finish_groups(
        all_right_half_asked(), 8, shaper, "group", estimator, reward_weights={"token_cost": 0.2}
    )
    assert twice[0].advantage == pytest.approx(plain[0].advantage / 5)


@given(values=REWARDS, others=REWARDS, unknown=st.sets(st.integers(0, 7)))
def test_terms_are_normalised_one_by_one(
    values: list[float], others: list[float], unknown: set[int]
) -> None:
    terms = {"accuracy": np.array(values).reshape(2, 4), "mine": np.array(others).reshape(2, 4)}
    rewards = terms["accuracy"] + terms["mine"]
    rewards.reshape(-1)[list(unknown)] = np.nan
    estimator = advantage_estimator("per_term")
    found = estimator(rewards, "group", terms=terms, reward_weights={"mine": 0.25})
    for group in range(2):
        known = [i for i in range(4) if np.isfinite(rewards[group, i])]
        for i in range(4):
            if i not in known:
                assert np.isnan(found[group, i])
                continue
            expected = 0.0
            for name, weight in (("accuracy", 1.0), ("mine", 0.25)):
                mine = [terms[name][group, j] for j in known]
                mean = sum(mine) / len(mine)
                spread = (sum((x - mean) ** 2 for x in mine) / max(len(mine) - 1, 1)) ** 0.5
                expected += weight * (terms[name][group, i] - mean) / (spread + EPSILON)
            assert found[group, i] == pytest.approx(expected, abs=1e-9)
    summed = estimator(rewards, "none", terms=terms)
    np.testing.assert_allclose(summed, group_advantages(rewards, "none"), atol=1e-9)
    white = estimator(rewards, "batch", terms=terms, reward_weights={"mine": 0.25})
    if len(unknown) < 6 and np.nanstd(found) > 0.1:
        assert np.nanmean(white) == pytest.approx(0.0, abs=1e-9)


def of_two_terms(rewards: Any, scale_rewards: str, terms: Any) -> Any:
    return terms["accuracy"] - terms["format"]


def test_an_estimator_of_ones_own_may_ask_for_terms() -> None:
    estimator = advantage_estimator(f"{__name__}:of_two_terms")
    group = [trajectory(reward_terms={"accuracy": a, "format": 0.5}) for a in (1.0, 0.0)]
    done = finish_groups(group, 2, group_shaper("none"), "none", estimator)
    assert [t.advantage for t in done] == [0.5, -0.5]
    bare = finish_groups(group, 2, group_shaper("none"), "none", of_two_terms)
    assert [t.advantage for t in bare] == [0.5, -0.5]


def answered(correct: bool, requested: bool) -> Any:
    outcome = Outcome(correct, requested, well_formed=True)
    return trajectory(outcome=outcome, reward_terms={"accuracy": float(correct), "format": 0.5})


def test_a_penalty_never_makes_a_right_answer_bad() -> None:
    group = [answered(True, True), *[answered(True, False)] * 3]
    plain = finish_groups(group, 4, group_shaper("all_penalty"), "group")
    assert plain[0].advantage is not None and plain[0].advantage < -1
    done = finish_groups(group, 4, group_shaper("all_penalty", sign_guard=True), "group")
    assert [t.advantage for t in done] == pytest.approx([0.0, *[plain[1].advantage] * 3])
    assert done[0].reward_terms["shaping"] == -0.1  # what was paid is still told


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=4),
       st.sampled_from(["all_penalty", "every_request", "paper", "released"]),
       st.sampled_from(["grpo", "rloo", "reinforce_pp", "per_term"]))  # fmt: skip
def test_the_guard_holds_for_every_shaper_and_estimator(
    kinds: list[tuple[bool, bool]], shaper: str, name: str
) -> None:
    group, estimator = [answered(*kind) for kind in kinds], advantage_estimator(name)
    guard = group_shaper(shaper, penalty=5.0, sign_guard=True)
    without = finish_groups(group, 4, group_shaper("none"), "group", estimator)
    shaped = finish_groups(group, 4, group_shaper(shaper, penalty=5.0), "group", estimator)
    for t, before, unguarded in zip(
        finish_groups(group, 4, guard, "group", estimator), without, shaped, strict=True
    ):
        assert t.advantage is not None and before.advantage is not None
        if t.outcome.correct:
            assert t.advantage >= min(before.advantage, 0.0) - 1e-9
        else:
            assert t.advantage == unguarded.advantage


def test_dropped_responses_have_no_advantage() -> None:
    wrote = [(7, "red", 1.0), (7, "red", 1.0), (8, "blue", 0.0), (9, None, 0.0)]
    group = [
        trajectory(ids=(1, 2, token), answer=answer, reward_terms={"accuracy": reward})
        for token, answer, reward in wrote
    ]

    def advantages(*drop: str) -> list[float | None]:
        done = finish_groups(group, 4, group_shaper("none"), "none", drop=drop)
        return [t.advantage for t in done]

    assert advantages() == [0.5, 0.5, -0.5, -0.5]
    assert advantages("empty") == pytest.approx([1 / 3, 1 / 3, -2 / 3, None])
    assert advantages("duplicate", "empty") == [0.5, None, -0.5, None]
