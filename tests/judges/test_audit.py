"""Agreement between judges."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import JudgeCase, JudgeError, RuleJudge, agreement, audit
from judges.audit import format_agreement

SCORES = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, None]), st.sampled_from([0.0, 1.0, None])), max_size=40
)


def cases(count: int) -> list[JudgeCase]:
    return [JudgeCase(f"q{i}", ("a",), "b") for i in range(count)]


def test_the_textbook_example() -> None:
    # 50 cases: 20 both yes, 5 only the first, 10 only the second, 15 both no: kappa 0.4.
    pairs = [(1.0, 1.0)] * 20 + [(1.0, 0.0)] * 5 + [(0.0, 1.0)] * 10 + [(0.0, 0.0)] * 15
    first, second = zip(*pairs, strict=True)
    report = agreement(cases(50), first, second)
    assert report.accuracy == pytest.approx(0.7)
    assert report.kappa == pytest.approx(0.4)
    assert (report.both_right, report.only_first, report.only_second, report.both_wrong) == (
        20,
        5,
        10,
        15,
    )
    assert [item.index for item in report.disagreements] == list(range(20, 35))


def test_abstentions_are_kept_out_and_counted() -> None:
    report = agreement(cases(4), [1.0, None, 0.0, None], [1.0, 1.0, None, None])
    assert (report.compared, report.first_abstained, report.second_abstained) == (1, 2, 2)
    assert report.accuracy == 1.0
    assert report.kappa is None


def test_nothing_to_compare_has_no_figures() -> None:
    report = agreement([], [], [])
    assert report.accuracy is None
    assert report.kappa is None
    assert "undefined" in format_agreement(report, "a", "b")


def test_lengths_must_agree() -> None:
    with pytest.raises(JudgeError, match="as many scores"):
        agreement(cases(2), [1.0], [1.0, 0.0])


@given(SCORES)
def test_agreement_is_symmetric_and_bounded(pairs: list[tuple[float | None, float | None]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    report = agreement(cases(len(pairs)), first, second)
    mirrored = agreement(cases(len(pairs)), second, first)
    assert report.accuracy == mirrored.accuracy
    assert (report.kappa is None) == (mirrored.kappa is None)
    if report.kappa is not None:
        assert report.kappa == pytest.approx(mirrored.kappa)
        assert -1.0 <= report.kappa <= 1.0
        assert (report.kappa == pytest.approx(1.0)) == (report.accuracy == 1.0)


def test_two_judges_are_compared_and_listed() -> None:
    batch = [
        JudgeCase(
            "Which?", ("the road is closed to all traffic",), "the road is clossed to all traffic"
        ),
        JudgeCase("Which?", ("Paris",), "Paris"),
        JudgeCase("Which?", ("Paris",), "Rome"),
    ]
    report = audit(batch, RuleJudge(), RuleJudge(anls_threshold=1.0))
    assert report.accuracy == pytest.approx(2 / 3)
    text = format_agreement(report, "loose", "strict")
    assert "#0 loose=1 strict=0" in text
    assert "clossed" in text
    assert "and 1 more" in format_agreement(report, "loose", "strict", limit=0)
    assert json.loads(json.dumps(report.to_dict()))["disagreements"][0]["index"] == 0
