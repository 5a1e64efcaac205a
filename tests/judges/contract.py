"""What every judge must do. A judge's test class inherits `JudgeContract`.

class TestMyJudge(JudgeContract):
    @pytest.fixture
    def judge(self):
        return MyJudge()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from judges import Judge, JudgeCase, Usage, Verdict
from judges.base import Tell

CASES = [
    JudgeCase("How many birds are there?", ("47",), "47"),
    JudgeCase("How many boats are there?", ("47",), "46"),
    JudgeCase("What is the capital of France?", ("Paris",), "Paris"),
    JudgeCase("What is the capital of Italy?", ("Rome",), "Madrid"),
    JudgeCase("Which city is shown?", ("Lyon", "Lyons"), "Lyons"),
]
EXPECTED = [True, False, True, False, True]

ODD_PREDICTIONS = [
    "",
    " \n\t ",
    "\x00\ud800",
    "{",
    '{"score": 1}',
    "\\boxed{",
    "9" * 5000,
    "1e999999999",
    "((((" * 500,
    "[" * 5000,
    "a" * 100_000,
    "½⁴⑨٤๙",
    "$" * 300,
    "1/0",
    "0 0/0",
    "10^10^10",
]

SPACED = [
    JudgeCase(case.question, case.references, f" \n\t{case.prediction} \r\n ") for case in CASES
]
ODD_REFERENCES = ("47", "Paris", "yes", "[1, 2]", "\\frac{1}{3}", "12 March 2019")


def odd_cases(prediction: str) -> list[JudgeCase]:
    """An odd prediction against references of every kind."""
    return [JudgeCase("What is it?", (reference,), prediction) for reference in ODD_REFERENCES]


EVERY_CASE = [*CASES, *SPACED, *(case for odd in ODD_PREDICTIONS for case in odd_cases(odd))]


class JudgeContract:
    """The contract suite; `judge` must decide `CASES` as `EXPECTED`, or as `expected` says."""

    expected: list[bool] = EXPECTED

    @pytest.fixture
    def judge(self) -> Iterator[Judge]:
        raise NotImplementedError

    def test_is_a_judge_with_a_name(self, judge: Judge) -> None:
        assert isinstance(judge, Judge)
        assert judge.name
        assert judge.name == judge.name.strip()

    def test_decides_the_plain_cases(self, judge: Judge) -> None:
        assert [verdict.correct for verdict in judge.judge(CASES)] == self.expected

    def test_empty_batch(self, judge: Judge) -> None:
        assert judge.judge([]) == []

    def test_every_verdict_names_its_judge(self, judge: Judge) -> None:
        assert all(verdict.judge for verdict in judge.judge(CASES))

    def test_order_of_the_batch_changes_nothing(self, judge: Judge) -> None:
        assert _scores(judge.judge(CASES[::-1])) == _scores(judge.judge(CASES))[::-1]

    def test_neighbours_change_nothing(self, judge: Judge) -> None:
        alone = [judge.judge([case])[0] for case in CASES]
        assert _scores(alone) == _scores(judge.judge(CASES))

    def test_duplicates_agree(self, judge: Judge) -> None:
        verdicts = judge.judge([*CASES, *CASES, *CASES])
        scores = _scores(verdicts)
        assert len(scores) == 3 * len(CASES)
        assert scores[: len(CASES)] == scores[len(CASES) : 2 * len(CASES)]
        assert scores[: len(CASES)] == scores[2 * len(CASES) :]

    def test_a_second_time_says_the_same(self, judge: Judge) -> None:
        assert _scores(judge.judge(CASES)) == _scores(judge.judge(CASES))

    def test_white_space_changes_nothing(self, judge: Judge) -> None:
        assert _scores(judge.judge(SPACED)) == _scores(judge.judge(CASES))

    @pytest.mark.parametrize("prediction", ODD_PREDICTIONS, ids=range(len(ODD_PREDICTIONS)))
    def test_odd_predictions_are_never_right(self, judge: Judge, prediction: str) -> None:
        verdicts = judge.judge(odd_cases(prediction))
        assert len(verdicts) == len(ODD_REFERENCES)
        assert all(verdict.correct is not True for verdict in verdicts)

    def test_inputs_are_left_alone(self, judge: Judge) -> None:
        cases = list(CASES)
        judge.judge(cases)
        assert cases == CASES


def _scores(verdicts: list[Verdict]) -> list[tuple[float | None, str | None]]:
    """Returns what a verdict says, its cost aside."""
    return [(verdict.score, verdict.abstained) for verdict in verdicts]


class Breaks:
    """Tells that every answer is right, one case at a time, and raises at the fourth."""

    name = "breaks"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        for place, _ in enumerate(cases):
            if place == 3:
                raise RuntimeError("broken")
            tell({place: Verdict(1.0, None, self.name, usage=Usage(1, 1, 1))})
        return [Verdict(1.0, None, self.name)] * len(cases)
