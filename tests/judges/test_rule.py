"""`RuleJudge`: what is right, what is wrong, and what it leaves undecided."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from judges import JudgeCase, JudgeError, RuleJudge
from judges.rule import UNDECIDED
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


# ChartQA's stock metric calls "47%" and "0.47" wrong and 46 right for 47 (VisionThink, Fig. 6).
@pytest.mark.parametrize(
    ("prediction", "right"), [("47", True), ("47%", True), ("0.47", True), ("46", False)]
)
def test_chartqa(rule: RuleJudge, prediction: str, right: bool) -> None:
    question = "What percentage of respondents said yes?"
    assert decide(rule, "47", prediction, question) is right
    assert decide(rule, "47", prediction, "What is the value of the blue bar?") is right
    assert decide(rule, "47%", prediction, question) is right


RIGHT_NUMBERS = [
    ("47", "47.0"),
    ("47", "The answer is 47."),
    ("47", "\\boxed{47}"),
    ("47", "So the final answer is \\boxed{\\text{47}}."),
    ("47", "$47$"),
    ("47", "**47**"),
    ("47", "x = 47"),
    ("47", "47 people"),
    ("47", "forty-seven"),
    ("47", "forty seven people"),
    ("47", "I count them.\nAnswer: 47"),
    ("47", "There are 47 of them."),
    ("47", "٤٧"),
    ("47", "４７"),
    ("47", "4\u200b7"),
    ("-5", "−5"),
    ("-5", "minus five"),
    ("$5", "5 dollars"),
    ("$1,200.50", "USD 1200.50"),
    ("€5", "5 euros"),
    ("1,234,567", "1234567"),
    ("1234567", "1 234 567"),
    ("1234567", "1.234.567"),
    ("12,34,567", "1234567"),
    ("1200000", "1.2 million"),
    ("1.2 million", "1,200,000"),
    ("3.5B", "3.5 billion"),
    ("three hundred and five", "305"),
    ("two million", "2,000,000"),
    ("1e6", "1000000"),
    ("6.02e23", "6.02 × 10^23"),
    ("6.02e23", "$6.02 \\times 10^{23}$"),
    ("10^6", "1,000,000"),
    ("1e-3", "0.001"),
    ("3/4", "0.75"),
    ("0.75", "3/4"),
    ("\\frac{3}{4}", "0.75"),
    ("1/3", "0.333"),
    ("2 1/2", "2.5"),
    ("3½", "3.5"),
    ("3.14", "3.14159"),
    ("3.14", "3.140"),
    ("0.5", ".5"),
    ("1.5", "1,5"),
    ("1234.56", "1.234,56"),
    ("1234567.89", "€1.234.567,89"),
    ("47 birds", "47"),
    ("47 birds", "47 bird"),
    ("3rd", "3"),
    ("50%", "1/2"),
    ("12.5%", "0.125"),
    ("0.47", "47%"),
    ("5 km", "5000 m"),
    ("5 km", "5 kilometres"),
    ("5 m", "5m"),
    ("5 m", "5"),
    ("5", "5 kg"),
    ("90°", "90 degrees"),
    ("90°", "$90^{\\circ}$"),
    ("2 hours", "120 minutes"),
    ("20 °C", "20°C"),
    ("1e400", "1e400"),
    ("100200300400500600700800900", "100200300400500600700800900"),
]

WRONG_NUMBERS = [
    ("47", "46"),
    ("47", "48"),
    ("47", "4.7"),
    ("47", "470"),
    ("47", "-47"),
    ("47", "47.2"),
    ("47", "46.9999"),
    ("47", "0.46"),
    ("47", "46%"),
    ("47", "4700%"),
    ("47", "47 million"),
    ("102", "10²"),
    ("31/2", "3½"),
    ("5", "-5"),
    ("5 m", "5 km"),
    ("5 m", "5 kg"),
    ("$5", "€5"),
    ("50%", "50 kg"),
    ("3.14", "3.1"),
    ("3.14", "3.15"),
    ("3/4", "4/3"),
    ("1/3", "0.3"),
    ("0.1", "1.0"),
    ("2019", "2018"),
    ("1,234", "1.234"),
    ("100200300400500600700800900", "100200300400500600700800901"),
]

UNREADABLE_NUMBERS = [
    "46 or 47",
    "between 40 and 50",
    "more than 47",
    "not 47",
    "47?",
    "47 or so, maybe 48",
    "unknown",
    "",
    "47 46 45",
    "40-50",
]


@pytest.mark.parametrize(("reference", "prediction"), RIGHT_NUMBERS)
def test_numbers_that_agree(rule: RuleJudge, reference: str, prediction: str) -> None:
    assert decide(rule, reference, prediction) is True


@pytest.mark.parametrize(("reference", "prediction"), WRONG_NUMBERS)
def test_numbers_that_differ(rule: RuleJudge, reference: str, prediction: str) -> None:
    assert decide(rule, reference, prediction) is False


@pytest.mark.parametrize("prediction", UNREADABLE_NUMBERS)
def test_numbers_that_cannot_be_read(rule: RuleJudge, prediction: str) -> None:
    assert not decide(rule, "47", prediction)


def test_integers_are_exact_unless_told_otherwise(rule: RuleJudge) -> None:
    assert decide(rule, "100", "101", kind="integer") is False
    assert decide(rule, "100", "101", kind="integer", tolerance=1) is True
    assert decide(rule, "100", "102", kind="integer", tolerance=1) is False
    assert decide(rule, "2.5", "2.6", tolerance=0.1) is True
    assert decide(rule, "2.54", "2.5", tolerance=0) is False
    assert decide(rule, "5 km", "5100 m", tolerance=0.1) is True


def test_the_same_number_of_something_else_is_undecided(rule: RuleJudge) -> None:
    assert decide(rule, "47 birds", "47 boats") is None
    assert decide(rule, "47 birds", "47 dollars") is None
    assert decide(rule, "47 birds", "46 boats") is False


def test_a_code_with_leading_zeros_is_no_number(rule: RuleJudge) -> None:
    assert decide(rule, "007", "007") is True
    assert not decide(rule, "007", "7")
    assert decide(rule, "007", "7", kind="number") is True


def test_a_share_is_no_count(rule: RuleJudge) -> None:
    assert decide(rule, "47", "0.47", "How many people are there?") is False
    assert decide(rule, "47", "0.47", "How many percent said yes?") is True
    assert decide(rule, "47", "0.47", kind="integer") is False
    assert decide(rule, "0.47", "47", "What share is blue?") is True
    assert decide(rule, "0.47", "47", VALUE, kind="integer") is False


def test_numbers_of_the_question_are_left_aside(rule: RuleJudge) -> None:
    question = "What was the value in 2019?"
    assert decide(rule, "47", "In 2019 the value was 47", question) is True
    assert decide(rule, "47", "In 2019 the value was 46", question) is False
    assert decide(rule, "47", "In 2018 the value was 47", question) is None


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


def test_an_option_that_is_a_letter_is_read_as_text_first(rule: RuleJudge) -> None:
    assert decide(rule, "D", "B", choices=COLOURS) is True
    assert decide(rule, "B", "blue", choices=COLOURS) is False


def test_numbers_as_options(rule: RuleJudge) -> None:
    assert decide(rule, "B", "20", choices=("10", "20", "30")) is True
    assert decide(rule, "20", "B", choices=("10", "20", "30")) is True
    assert decide(rule, "B", "30", choices=("10", "20", "30")) is False


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
        ("yes", "There is a dog", None),
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
        ("Massachusetts", "Massachussetts"),
        ("ice cream", "icecream"),
        ("T-shirt", "T shirt"),
        ("e-mail", "email"),
        ("U.S.A.", "USA"),
        ("10-20", "10 - 20"),
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
    ],
)
def test_texts_that_differ(rule: RuleJudge, reference: str, prediction: str) -> None:
    assert not decide(rule, reference, prediction)


def test_the_threshold_is_a_setting() -> None:
    with_slip = JudgeCase("Which state?", ("Massachusetts",), "Massachussetts")
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
        ("[1.5, 2]", "2 and 1.50", True),
        ("[1, 1, 2]", "1, 2, 2", False),
        ("red; blue", "red; blue; green", False),
        ("red; blue", "red", None),
        ("red; blue", "red; green", False),
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
