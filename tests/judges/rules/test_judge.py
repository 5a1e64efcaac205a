"""`RuleJudge`: what is right, what is wrong, and what it leaves undecided."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from judges import JudgeCase, JudgeError, RuleJudge
from judges.rules.judge import UNDECIDED
from tests.judges.contract import CASES, JudgeContract

VALUE = "What is the value?"


class TestContract(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[RuleJudge]:
        judge = RuleJudge()
        yield judge
        judge.close()


@pytest.fixture(scope="module")
def rule() -> Iterator[RuleJudge]:
    judge = RuleJudge()
    yield judge
    judge.close()


def decide(
    rule: RuleJudge, reference: str, prediction: str, question: str = VALUE, **fields: Any
) -> bool | None:
    return rule.decide(JudgeCase(question, (reference,), prediction, **fields))


COLOURS = ("red", "blue", "green apple", "B")


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("B", "B", True),
        ("B", "b", True),
        ("B", "(B)", True),
        ("B", "B.", True),
        ("B", "B)", True),
        ("B", "option B", True),
        ("B", "The answer is B.", True),
        ("B", "\\boxed{B}", True),
        ("B", "\\boxed{\\text{B}}", True),
        ("B", "blue", True),
        ("B", "Blue.", True),
        ("B", "B. blue", True),
        ("B", "(B) Blue", True),
        ("B", "B: blue", True),
        ("B", "blue (B)", True),
        ("B", "Option B: blue", True),
        ("B", "I choose B", True),
        ("blue", "B", True),
        ("B. blue", "blue", True),
        ("C", "a green apple", True),
        ("C", "The green apple", True),
        ("B", "A", False),
        ("B", "red", False),
        ("B", "F", None),
        ("B", "B. red", None),
        ("B", "(A) blue", None),
        ("B", "A or B", None),
        ("B", "purple", None),
        ("B", "AB", None),
        ("B", "", False),
    ],
)
def test_choices(rule: RuleJudge, reference: str, prediction: str, right: bool | None) -> None:
    choices = ("red", "blue", "green apple", "white")
    assert decide(rule, reference, prediction, choices=choices) is right


def test_options_are_read_out_of_the_question(rule: RuleJudge) -> None:
    question = "Which colour?\n(A) red\n(B) blue\n(C) green"
    assert decide(rule, "B", "blue", question) is True
    assert decide(rule, "B", "C", question) is False
    assert decide(rule, "B", "blue", "Which vitamin?", kind="choice") is None
    assert decide(rule, "B", "B. blue", "Which?", kind="choice") is True
    assert decide(rule, "B", "b", "Which vitamin is it?") is True


def test_a_letter_that_is_also_an_option_is_undecided_where_its_readings_part(
    rule: RuleJudge,
) -> None:
    assert decide(rule, "B", "B", choices=COLOURS) is True
    assert decide(rule, "D", "B", choices=COLOURS) is None
    assert decide(rule, "B", "blue", choices=COLOURS) is None
    assert decide(rule, "B", "red", choices=COLOURS) is False


def test_numbers_as_options(rule: RuleJudge) -> None:
    assert decide(rule, "B", "20", choices=("10", "20", "30")) is True
    assert decide(rule, "20", "B", choices=("10", "20", "30")) is True
    assert decide(rule, "B", "30", choices=("10", "20", "30")) is False
    assert decide(rule, "B", "20.0", choices=("10", "20", "30")) is True
    assert decide(rule, "B", "20 cm", choices=("10 cm", "20 cm")) is True
    assert decide(rule, "B", "25", choices=("10 cm", "20 cm")) is None


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("yes", "Yes.", True),
        ("yes", "Yes, there is a dog.", True),
        ("yes", "true", True),
        ("true", "Yes", True),
        ("no", "No, it does.", True),
        ("no", "No, it is not.", True),
        ("no", "False", True),
        ("yes", "No", False),
        ("no", "yes", False),
        ("yes", "No, there is none.", False),
        ("yes", "yes and no", None),
        ("yes", "perhaps", None),
        ("yes", "Yes. No.", None),
        ("yes", "There is a dog", True),
        ("yes", "There is a cat", None),
        ("yes", "There is a big dog", None),
        ("no", "There isn't a dog in the picture.", True),
        ("no", "There is no dog", True),
    ],
)
def test_yes_and_no(rule: RuleJudge, reference: str, prediction: str, right: bool | None) -> None:
    assert decide(rule, reference, prediction, "Is there a dog?") is right


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        ("Paris", "paris"),
        ("Paris", "  PARIS. "),
        ("Paris", "The answer is Paris."),
        ("Paris", '"Paris"'),
        ("Eiffel Tower", "the Eiffel Tower"),
        ("the dog", "A dog"),
        ("rock & roll", "Rock and Roll"),
        ("colour television", "color television"),
        ("São Paulo", "Sao Paulo"),
        ("grey", "gray"),
        ("ice cream", "icecream"),
        ("T-shirt", "T shirt"),
        ("e-mail", "email"),
        ("U.S.A.", "USA"),
        ("10-20", "10 - 20"),
        ("2019-2020", "2019 to 2020"),
        ("1990s", "the 1990s"),
        ("(2, 3)", "(2,3)"),
        ("x > 5", "x>5"),
        ("don't", "dont"),
        ("Café", "Cafe\u0301"),
        ("北京", "北京"),
        ("Straße", "STRASSE"),
        ("3:30 PM", "15:30"),
        ("3 pm", "15:00"),
        ("12 March 2019", "2019-03-12"),
        ("March 12, 2019", "12/03/2019"),
        ("March 12, 2019", "03/12/2019"),
        ("Tuesday, 12th of March 2019", "Mar 12 2019"),
        ("March 2019", "2019-03"),
    ],
)
def test_texts_that_agree(rule: RuleJudge, reference: str, prediction: str) -> None:
    assert decide(rule, reference, prediction) is True


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        ("Paris", "London"),
        ("Paris", "not Paris"),
        ("Paris", "Paris or London"),
        ("male", "female"),
        ("symmetric", "asymmetric"),
        ("increasing", "decreasing"),
        ("hypertension", "hypotension"),
        ("cat", "car"),
        ("north", "south"),
        ("Route 66", "Route 67"),
        ("version 12", "version 21"),
        ("12 March 2019", "2019-03-13"),
        ("12 March 2019", "March 2019"),
        ("3:30 PM", "3:30 AM"),
        ("03/04/2019", "04/03/2020"),
        ("!", "?"),
        ("x > 5", "x < 5"),
        ("C#", "C"),
        ("room 12", "room 1 2"),
        ("1990", "1990s"),
        ("(2, 3)", "(3, 2)"),
        ("1", "one half"),
        ("10-20", "10"),
        ("±5", "5"),
    ],
)
def test_texts_that_differ(rule: RuleJudge, reference: str, prediction: str) -> None:
    assert not decide(rule, reference, prediction)


def test_the_threshold_is_a_setting() -> None:
    notice = "the road is closed to all vehicles until further notice"
    with_slip = JudgeCase("What does it say?", (notice,), notice.replace("vehicles", "vehicies"))
    assert RuleJudge(anls_threshold=1.0).decide(with_slip) is None
    assert RuleJudge(anls_threshold=0.9).decide(with_slip) is True


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("red, green, blue", "blue, red and green", True),
        ("red; green; blue", "green; blue; red", True),
        ("[1, 2, 3]", "3, 2, 1", True),
        ('["red", "blue"]', "blue, red", True),
        ("red; blue", "- blue\n- red", True),
        ("red; blue", "* blue\n* red", True),
        ("red; blue", "blue & red", True),
        ("[1.5, 2]", "2 and 1.50", True),
        ("[1, 1, 2]", "1, 2, 2", False),
        ("red; blue", "red; blue; green", False),
        ("red; blue", "red", None),
        ("red; blue", "red; green", None),
        ("[1, 2]", "1 and 3", False),
    ],
)
def test_lists(rule: RuleJudge, reference: str, prediction: str, right: bool | None) -> None:
    assert decide(rule, reference, prediction, "Which ones?", kind="list") is right


def test_lists_in_order(rule: RuleJudge) -> None:
    question = "List the colours from left to right."
    assert decide(rule, "red; blue", "red, blue", question, kind="list") is True
    assert decide(rule, "red; blue", "blue, red", question, kind="list") is False


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("\\frac{\\sqrt{3}}{2}", "\\sqrt{3}/2", True),
        ("\\frac{\\sqrt{3}}{2}", "\\boxed{\\frac{\\sqrt{3}}{2}}", True),
        ("x^2 + 2x + 1", "(x+1)^2", True),
        ("2\\pi", "$2\\pi$", True),
        ("\\frac{\\sqrt{3}}{2}", "\\sqrt{2}/2", None),
        ("x^2 + 2x + 1", "(x+2)^2", None),
        ("2\\pi", "9^{9^{9^{9}}}", None),
    ],
)
def test_formulas(rule: RuleJudge, reference: str, prediction: str, right: bool | None) -> None:
    pytest.importorskip("math_verify")
    assert decide(rule, reference, prediction) is right


def test_any_reference_will_do(rule: RuleJudge) -> None:
    references = ("NYC", "New York City", "10001")
    for prediction in ("nyc", "New York City", "10001"):
        assert rule.decide(JudgeCase("Which city?", references, prediction)) is True
    assert not rule.decide(JudgeCase("Which city?", references, "Boston"))


def test_undecided_is_a_zero_alone_and_an_abstention_in_a_cascade() -> None:
    case = JudgeCase("Which city?", ("Paris",), "the French capital")
    (alone,) = RuleJudge().judge([case])
    assert (alone.score, alone.abstained) == (0.0, None)
    (first,) = RuleJudge(abstain_when_undecided=True).judge([case])
    assert (first.score, first.abstained) == (None, UNDECIDED)


def test_what_is_decided_is_no_abstention() -> None:
    verdicts = RuleJudge(abstain_when_undecided=True).judge(CASES[:3])
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0, 1.0]


def test_an_overlong_prediction_counts_only_by_its_box(rule: RuleJudge) -> None:
    padding = "word " * 1000
    assert decide(rule, "47", padding + "47") is None
    assert decide(rule, "47", padding + "\\boxed{47}") is True
    assert decide(rule, "47", " " * 100_000 + "47") is True


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(JudgeError, match="anls_threshold"):
        RuleJudge(anls_threshold=0.0)
    with pytest.raises(JudgeError, match="max_chars"):
        RuleJudge(max_chars=0)


def test_it_travels() -> None:
    judge = pickle.loads(pickle.dumps(RuleJudge(anls_threshold=0.9)))
    assert [verdict.correct for verdict in judge.judge(CASES)] == TestContract.expected


@pytest.mark.parametrize("said", ['{"score": 1}', ' {"score": 1.0} ', '{"verdict": "1"}'])
def test_what_a_record_holds_is_not_the_answer(said: str) -> None:
    judge = RuleJudge()
    case = JudgeCase("What number is shown?", ("1",), said)
    assert judge.judge([case])[0].score == 0.0
    assert judge.judge([JudgeCase("Which record?", (said.strip(),), said)])[0].score == 1.0
    assert judge.judge([JudgeCase("Which?", ("1",), '{"answer": 1}')])[0].score == 1.0
