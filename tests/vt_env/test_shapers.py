"""What group shapers add, case by case."""

import functools
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt_env.errors import ConfigError, ParameterError, RegistryError, UnknownNameError
from vt_env.rewards import (
    Outcome,
)
from vt_env.shapers import GROUP_SHAPERS, direct_share, group_shaper


def outcome(correct: bool | None, requested: bool, need: bool | None = None) -> Outcome:
    return Outcome(correct, requested, True, need)


RIGHT_DIRECT, WRONG_DIRECT, NONE_DIRECT = (outcome(c, False) for c in (True, False, None))
RIGHT_ASKED, WRONG_ASKED, NONE_ASKED = (outcome(c, True) for c in (True, False, None))
KINDS = (RIGHT_DIRECT, WRONG_DIRECT, NONE_DIRECT, RIGHT_ASKED, WRONG_ASKED, NONE_ASKED)

# Which of KINDS pay in each group, in the order of KINDS: "-" pays, "0" does not, " " is absent.
GROUPS = {
    "nothing correct": (WRONG_DIRECT, NONE_DIRECT, WRONG_ASKED, NONE_ASKED),
    "r = 0": (WRONG_DIRECT, NONE_DIRECT, RIGHT_ASKED, WRONG_ASKED, NONE_ASKED),
    "0 < r < theta": (*KINDS, *(RIGHT_ASKED,) * 9),
    "r >= theta": KINDS,
    "r = 1": (RIGHT_DIRECT, WRONG_DIRECT, NONE_DIRECT, WRONG_ASKED, NONE_ASKED),
}
TABLE = {
    ("none", "nothing correct"): " 00 00",
    ("none", "r = 0"): " 00000",
    ("none", "0 < r < theta"): "000000",
    ("none", "r >= theta"): "000000",
    ("none", "r = 1"): "000 00",
    ("all_penalty", "nothing correct"): " 00 00",
    ("all_penalty", "r = 0"): " 00-00",
    ("all_penalty", "0 < r < theta"): "000-00",
    ("all_penalty", "r >= theta"): "000-00",
    ("all_penalty", "r = 1"): "000 00",
    ("every_request", "nothing correct"): " 00 --",
    ("every_request", "r = 0"): " 00---",
    ("every_request", "0 < r < theta"): "000---",
    ("every_request", "r >= theta"): "000---",
    ("every_request", "r = 1"): "000 --",
    ("paper", "nothing correct"): " 00 00",
    ("paper", "r = 0"): " -0000",
    ("paper", "0 < r < theta"): "--0000",
    ("paper", "r >= theta"): "000--0",
    ("paper", "r = 1"): "000 -0",
    ("released", "nothing correct"): " 00 00",
    ("released", "r = 0"): " 00-00",
    ("released", "0 < r < theta"): "-00-00",
    ("released", "r >= theta"): "000-00",
    ("released", "r = 1"): "000 00",
    ("supervised", "nothing correct"): " 00 00",
    ("supervised", "r = 0"): " 00000",
    ("supervised", "0 < r < theta"): "000000",
    ("supervised", "r >= theta"): "000000",
    ("supervised", "r = 1"): "000 00",
    ("curiosity", "nothing correct"): " 00 00",
    ("curiosity", "r = 0"): " 00000",
    ("curiosity", "0 < r < theta"): "000000",
    ("curiosity", "r >= theta"): "000000",
    ("curiosity", "r = 1"): "000 00",
    ("benefit", "nothing correct"): " 00 00",
    ("benefit", "r = 0"): " 00000",
    ("benefit", "0 < r < theta"): "000000",
    ("benefit", "r >= theta"): "000000",
    ("benefit", "r = 1"): "000 00",
}


def test_the_table_is_complete_and_stands_in_the_docs() -> None:
    assert set(TABLE) == set(itertools.product(GROUP_SHAPERS, GROUPS))
    docs = (Path(__file__).parents[2] / "docs" / "environment.md").read_text(encoding="utf-8")
    cells = {"-": "pays", "0": "0", " ": ""}
    for (name, group), row in TABLE.items():
        assert f"| `{name}` | {group} | {' | '.join(cells[c] for c in row)} |" in docs


@pytest.mark.parametrize(("name", "group"), TABLE)
def test_what_each_shaper_takes_from_each_outcome(name: str, group: str) -> None:
    members = GROUPS[group]
    addends = group_shaper(name)(members)
    paid = dict(zip(members, addends, strict=True))
    signs = {0.0: "0", -0.1: "-"}
    row = "".join(signs[paid[kind]] if kind in paid else " " for kind in KINDS)
    assert row == TABLE[name, group]


@pytest.mark.parametrize("need", [True, False, None])
@pytest.mark.parametrize("correct", [True, False, None])
@pytest.mark.parametrize("requested", [True, False])
def test_supervised_pays_where_the_decision_contradicts_the_label(
    need: bool | None, correct: bool | None, requested: bool
) -> None:
    member = outcome(correct, requested, need)
    contradicts = need is not None and need != requested
    assert group_shaper("supervised")([member]) == [-0.1 if contradicts else 0.0]
    # Not strict: the accuracy is what is made less, so only right answers have something to lose.
    loose = group_shaper("supervised", strict=False)([member])
    assert loose == [-0.1 if contradicts and correct else 0.0]


def test_direct_answers_and_requests_can_have_penalties_of_their_own() -> None:
    group = [RIGHT_DIRECT, WRONG_DIRECT, *(RIGHT_ASKED,) * 9]  # r = 0.1
    paper = group_shaper("paper", penalty=0.3, direct_penalty=0.2)
    assert paper(group) == [-0.2, -0.2, *[0.0] * 9]
    assert paper(KINDS) == [0.0, 0.0, 0.0, -0.3, -0.3, 0.0]
    released = group_shaper("released", penalty=0.3, direct_penalty=0.2)
    assert released(group) == [-0.2, 0.0, *[-0.3] * 9]
    assert group_shaper("released", penalty=0.3, direct_penalty=0.0)(group)[0] == 0.0


@pytest.mark.parametrize("name", ["released", "all_penalty", "supervised"])
def test_a_bonus_for_calling_is_added_to_every_request(name: str) -> None:
    plain, paid = group_shaper(name)(KINDS), group_shaper(name, bonus=0.5)(KINDS)
    added = [after - before for before, after in zip(plain, paid, strict=True)]
    assert added == pytest.approx([0, 0, 0, 0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("direct", "asked", "theta", "payer"),
    [
        (1, 4, 0.2, "asked"),  # r = theta: requests pay (>=)
        (1, 5, 0.2, "direct"),
        (0, 5, 0.0, "asked"),  # theta 0: requests always pay
        (5, 0, 1.0, "asked"),
        (3, 2, 0.7, "direct"),
    ],
)
def test_paper_threshold(direct: int, asked: int, theta: float, payer: str) -> None:
    group = [RIGHT_DIRECT] * direct + [RIGHT_ASKED] * asked
    addends = group_shaper("paper", theta=theta, penalty=0.25)(group)
    expected = [
        -0.25 if ("asked" if member.requested else "direct") == payer else 0.0 for member in group
    ]
    assert addends == expected


def test_released_differs_from_the_paper_where_documented() -> None:
    """Wrong answers never pay, a right request always does, r = 0 spares direct answers."""
    paper, released = group_shaper("paper"), group_shaper("released")
    group = [WRONG_DIRECT, *(RIGHT_ASKED,) * 9]  # r = 0
    assert paper(group) == [-0.1] + [0.0] * 9
    assert released(group) == [0.0] + [-0.1] * 9
    group = [RIGHT_DIRECT, *(RIGHT_ASKED,) * 9]  # r = 0.1
    assert paper(group) == [-0.1] + [0.0] * 9
    assert released(group) == [-0.1] * 10


outcomes = st.builds(
    Outcome,
    st.sampled_from([True, False, None]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([True, False, None]),
)
groups = st.lists(outcomes, max_size=20)


@pytest.mark.parametrize("name", GROUP_SHAPERS)
@given(group=groups)
def test_every_shaper_is_pure_and_pays_0_or_the_penalty(name: str, group: list[Outcome]) -> None:
    before = list(group)
    addends = group_shaper(name)(group)
    assert group == before
    assert len(addends) == len(group)
    assert set(addends) <= {0.0, -0.1} or name in ("curiosity", "benefit")
    assert addends == group_shaper(name)(group)
    # Order of the group does not matter, nor does the format of the turns.
    assert group_shaper(name)(group[::-1]) == addends[::-1]
    swapped = [Outcome(o.correct, o.requested, not o.well_formed, o.needs_high_res) for o in group]
    assert group_shaper(name)(swapped) == addends


@given(groups)
def test_abstained_verdicts_leave_the_counts(group: list[Outcome]) -> None:
    decided = [member for member in group if member.correct is not None]
    assert direct_share(group) == direct_share(decided)
    shaped = group_shaper("paper")(group)
    kept = [a for a, o in zip(shaped, group, strict=True) if o.correct is not None]
    assert kept == group_shaper("paper")(decided)
    assert all(a == 0 for a, o in zip(shaped, group, strict=True) if o.correct is None)


@given(groups)
def test_paper_penalises_exactly_one_side(group: list[Outcome]) -> None:
    addends = group_shaper("paper")(group)
    sides = {o.requested for a, o in zip(addends, group, strict=True) if a}
    assert len(sides) <= 1


def test_direct_share() -> None:
    for direct, asked in itertools.product(range(4), range(4)):
        group = [RIGHT_DIRECT] * direct + [RIGHT_ASKED] * asked + [WRONG_DIRECT, NONE_ASKED]
        expected = direct / (direct + asked) if direct + asked else None
        assert direct_share(group) == expected


def test_unknown_shapers_and_parameters_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'paper'"):
        group_shaper("papr")
    with pytest.raises(ConfigError, match="'treshold'"):
        group_shaper("paper", treshold=0.1)
    with pytest.raises(ConfigError, match=r"not 'penality'\. Did you mean 'penalty'"):
        group_shaper("released", penality=0.1)
    for value in (float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="'paper': theta is a number, got"):
            group_shaper("paper", theta=value)
    with pytest.raises(ConfigError, match="not 'theta'"):
        group_shaper("all_penalty", theta=0.1)


def test_curiosity_pays_for_asking_while_few_ask() -> None:
    """Pixel Reasoner: alpha max(H - share, 0) 1[asked] + beta min(N - n, 0)."""
    group = [RIGHT_ASKED, *(RIGHT_DIRECT,) * 7, *(WRONG_DIRECT,) * 2]  # a tenth asks
    assert group_shaper("curiosity")(group) == pytest.approx([0.5 * 0.2, *[0.0] * 9])
    assert group_shaper("curiosity", target=0.5, bonus=1.0)(group)[0] == pytest.approx(0.4)
    twice = Outcome(True, True, True, deliveries=3)
    assert group_shaper("curiosity")([twice] * 2) == pytest.approx([-0.1] * 2)
    assert group_shaper("curiosity", limit=3)([twice] * 2) == [0.0] * 2


def test_benefit_pays_what_asking_is_worth() -> None:
    """AT-GRPO: alpha dS exp(-gamma ((n - n_max) / n_max)^2)."""

    def addend(requested: bool, benefit: float | None, need: bool | None = None) -> float:
        return group_shaper("benefit")([Outcome(True, requested, True, need, benefit)])[0]

    assert addend(True, 0.75) == pytest.approx(0.6 * 0.75)
    assert addend(False, 0.75) == pytest.approx(0.6 * 0.75 * math.exp(-2))
    assert addend(True, -0.5) == pytest.approx(-0.3)  # asking harms
    assert addend(True, None, True) == pytest.approx(0.6)  # by the label
    assert addend(True, None, False) == addend(True, None) == 0.0
    three = Outcome(True, True, True, benefit=1.0, deliveries=3)
    paid = group_shaper("benefit", alpha=1.0, gamma=2.0, most=6)([three])
    assert paid == pytest.approx([math.exp(-2 * 0.25)])


@pytest.mark.parametrize("name", GROUP_SHAPERS)
def test_every_shaper_has_a_sign_guard(name: str) -> None:
    guarded = group_shaper(name, sign_guard=True)
    assert guarded.sign_guard and not group_shaper(name).sign_guard
    assert guarded(KINDS) == group_shaper(name)(KINDS)
    with pytest.raises(ConfigError, match="sign_guard must be true or false, got 1"):
        group_shaper(name, sign_guard=1)  # type: ignore[arg-type]


def shape_scarce(
    outcomes: Sequence[Outcome], *, allowed: float, penalty: float = 0.2
) -> list[float]:
    pays = sum(outcome.requested for outcome in outcomes) > allowed * len(outcomes)
    return [-penalty if pays and outcome.requested else 0.0 for outcome in outcomes]


class Scarce:
    """A callable object."""

    def __call__(self, outcomes: Sequence[Outcome], penalty: float = 0.2) -> list[float]:
        return shape_scarce(outcomes, allowed=0.0, penalty=penalty)


scarce = Scarce()
half = functools.partial(shape_scarce, allowed=0.5)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("shape_scarce", {"allowed": 0.5}, -0.2),
        ("half", {}, -0.2),
        ("half", {"penalty": 0.5}, -0.5),
        ("half", {"allowed": 0.9}, 0.0),
        ("scarce", {"penalty": 0.5}, -0.5),
    ],
)
def test_a_shaper_of_ones_own_may_be_anything_that_is_called(
    name: str, params: dict[str, Any], expected: float
) -> None:
    addends = group_shaper(f"{__name__}:{name}", **params)([RIGHT_ASKED, WRONG_ASKED, NONE_DIRECT])
    assert addends == [expected, expected, 0.0]


@pytest.mark.parametrize("name", ["half", "scarce", "shape_scarce"])
def test_parameters_of_ones_own_shapers_are_checked(name: str) -> None:
    with pytest.raises(ParameterError, match=r"not 'penality'\. Did you mean 'penalty'"):
        group_shaper(f"{__name__}:{name}", penality=0.5)
    with pytest.raises(ParameterError, match="not 'outcomes'"):
        group_shaper(f"{__name__}:{name}", outcomes=0.5)


def nothing() -> list[float]:
    return []


def one_for_all(outcomes: Sequence[Outcome]) -> Any:
    return [0.5]


def no_numbers(outcomes: Sequence[Outcome]) -> Any:
    return [float("nan") for _ in outcomes]


def no_list(outcomes: Sequence[Outcome]) -> Any:
    return None


def test_a_shaper_that_cannot_work_is_told_by_name() -> None:
    with pytest.raises(ParameterError, match="needs the setting 'allowed'"):
        group_shaper(f"{__name__}:shape_scarce")
    with pytest.raises(RegistryError, match="must take 1 argument"):
        group_shaper(f"{__name__}:nothing")
    for name in ("one_for_all", "no_numbers", "no_list"):
        shaper = group_shaper(f"{__name__}:{name}")
        with pytest.raises(ConfigError, match=f":{name}' must give one finite number an episode"):
            shaper([RIGHT_DIRECT, RIGHT_ASKED])
