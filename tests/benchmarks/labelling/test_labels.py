"""The labelling rule, whatever the counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labelling.labels import (
    DECIDED,
    LABELS,
    Label,
    Labelled,
    LabelRule,
    RuleSettings,
    Tally,
    confusion,
    label_of,
    precision,
)
from vt_env.errors import ConfigError

PAPER = LabelRule()


@st.composite
def rules(draw: st.DrawFn) -> LabelRule:
    rollouts = draw(st.integers(1, 12))
    low_correct = draw(st.integers(1, rollouts))
    gap = draw(st.integers(rollouts - low_correct + 1, rollouts))
    return LabelRule(rollouts, low_correct, gap)


@st.composite
def cases(draw: st.DrawFn) -> tuple[LabelRule, Tally, Tally]:
    rule = draw(rules())
    tallies = []
    for _ in range(2):
        right = draw(st.integers(0, rule.rollouts))
        abstained = draw(st.integers(0, rule.rollouts - right))
        tallies.append(Tally(right, rule.rollouts - right - abstained, abstained))
    return rule, tallies[0], tallies[1]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (8, 8, "low_enough"),
        (7, 8, "undecided"),
        (8, 7, "undecided"),
        (0, 6, "needs_high"),
        (2, 8, "needs_high"),
        (3, 8, "undecided"),
        (0, 5, "undecided"),
        (0, 0, "undecided"),
        (8, 0, "undecided"),
    ],
)
def test_the_papers_thresholds(low: int, high: int, expected: Label) -> None:
    assert label_of(Tally(low, 8 - low), Tally(high, 8 - high), PAPER) == expected


@given(cases())
def test_the_two_decided_labels_exclude_each_other(case: tuple[LabelRule, Tally, Tally]) -> None:
    rule, low, high = case
    enough = min(low.right, high.right) >= rule.low_correct
    needs = high.right - low.right >= rule.gap
    assert not (enough and needs)
    if not low.abstained + high.abstained:
        expected = "low_enough" if enough else "needs_high" if needs else "undecided"
        assert label_of(low, high, rule) == expected


@given(cases(), st.data())
def test_a_decided_label_stands_however_the_abstentions_are_judged(
    case: tuple[LabelRule, Tally, Tally], data: st.DataObject
) -> None:
    rule, low, high = case
    label = label_of(low, high, rule)
    judged = []
    for tally in (low, high):
        more = data.draw(st.integers(0, tally.abstained))
        judged.append(Tally(tally.right + more, tally.wrong + tally.abstained - more))
    if label in DECIDED:
        assert label_of(*judged, rule) == label


@given(cases())
def test_more_right_at_high_never_takes_the_need_away(
    case: tuple[LabelRule, Tally, Tally],
) -> None:
    rule, low, high = case
    if high.wrong and label_of(low, high, rule) == "needs_high":
        better = Tally(high.right + 1, high.wrong - 1, high.abstained)
        assert label_of(low, better, rule) == "needs_high"


@given(st.integers(1, 40))
def test_the_papers_shares_fit_any_number_of_rollouts(rollouts: int) -> None:
    rule = RuleSettings(rollouts).thresholds()
    assert rule.low_correct == rollouts
    assert rule.gap >= 0.75 * rollouts > rule.gap - 1


def test_eight_rollouts_give_the_papers_rule() -> None:
    assert RuleSettings().thresholds() == PAPER == LabelRule(8, 8, 6)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 1, 1), "rollouts must be at least 1"),
        ((4, 5, 1), r"low_correct must lie in \[1, 4\]"),
        ((4, 4, 0), r"gap must lie in \[1, 4\]"),
        ((8, 4, 4), "must together exceed"),
    ],
)
def test_thresholds_that_cannot_work(values: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LabelRule(*values)


@given(st.lists(st.sampled_from([True, False, None])))
def test_a_tally_counts_every_verdict_once(verdicts: list[bool | None]) -> None:
    tally = Tally.of(verdicts)
    assert tally.right + tally.wrong + tally.abstained == len(verdicts)
    assert tally.abstained == sum(verdict is None for verdict in verdicts)


def labelled(label: Label, truth: bool | None) -> Labelled:
    return Labelled("a", "textures", truth, Tally(0, 8), Tally(0, 8), label)


def test_precision_leaves_the_margin_out() -> None:
    samples = [
        *[labelled("low_enough", truth) for truth in (False, False, False, True, None)],
        *[labelled("needs_high", truth) for truth in (True, None, None)],
        *[labelled("undecided", truth) for truth in (True, False)],
    ]
    assert precision(samples, "low_enough") == 0.75
    assert precision(samples, "needs_high") == 1.0
    assert precision(samples) == 0.8
    assert precision(samples[-2:]) is None
    counts = confusion(samples)
    assert sum(sum(row.values()) for row in counts.values()) == len(samples)
    assert counts["needs_high"] == {True: 1, False: 0, None: 2}
    assert tuple(counts) == LABELS
