import pytest

from agents.rollouts.filters import (
    duplicates,
    empties,
    has_spread,
    response_metrics,
    with_spread,
)
from agents.rollouts.trajectory import Trajectory
from tests.agents.helpers import trajectory
from vt_env.rewards import Outcome


def group(*rewards: float | None) -> list[Trajectory]:
    return [
        trajectory(
            outcome=Outcome(None if r is None else r > 0, False, True),
            reward_terms={"accuracy": r or 0.0},
        )
        for r in rewards
    ]


def test_only_what_was_sampled_makes_a_duplicate() -> None:
    members = [
        trajectory(ids=(1, 2, 3)),
        trajectory(ids=(5, 5, 3)),  # another prompt, the same response
        trajectory(ids=(1, 2, 4)),
        trajectory(ids=(1, 2, 3, 3), mask=(0, 0, 1, 1), logprobs=(0.0,) * 4),
        trajectory(ids=(1, 2, 4)),
    ]
    assert duplicates(members) == [False, True, False, False, True]


def test_empty_is_no_answer_or_a_blank_one() -> None:
    answers = ("red", None, "", "  ", "0")
    assert empties([trajectory(answer=a) for a in answers]) == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("rewards", "spread"),
    [
        ((1.0, 1.0, 1.0), False),
        ((1.0, 1.0, 0.0), True),
        ((1.0, None, None), False),
        ((1.0, 1.0, None), False),
        ((1.0, 0.0, None), True),
        ((1.0, 1.00001, 1.0), False),
        ((), False),
    ],
)
def test_a_group_without_spread(rewards: tuple[float | None, ...], spread: bool) -> None:
    assert has_spread(group(*rewards)) is spread


def test_shares_of_groups() -> None:
    groups = [group(1.0, 1.0), group(0.0, 0.0), group(1.0, 0.0), group(1.0, 0.0)]
    kept, shares = with_spread(groups)
    assert kept == groups[2:]
    assert shares == {
        "groups/dropped_share": 0.5,
        "groups/solve_all_share": 0.25,
        "groups/solve_none_share": 0.25,
    }
    assert with_spread([]) == ([], {})


def test_shares_of_responses() -> None:
    members = [trajectory(), trajectory(), trajectory(ids=(1, 2, 9), answer=None)]
    assert response_metrics([members, members]) == pytest.approx(
        {"responses/duplicate_share": 1 / 3, "responses/empty_share": 1 / 3}
    )
    assert response_metrics([]) == {}
