"""`RuleJudge` on numbers: units, currency, percent, separators, fractions, words, tolerance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from judges import RuleJudge
from tests.judges.rules.test_judge import VALUE, decide


@pytest.fixture(scope="module")
def rule() -> Iterator[RuleJudge]:
    judge = RuleJudge()
    yield judge
    judge.close()


# ChartQA's stock metric calls "47%" and "0.47" wrong and 46 right for 47 (VisionThink, Fig. 6).
@pytest.mark.parametrize(
    ("prediction", "right"), [("47", True), ("47%", True), ("0.47", True), ("46", False)]
)
def test_chartqa(rule: RuleJudge, prediction: str, right: bool) -> None:
    question = "What percentage of respondents said yes?"
    assert decide(rule, "47", prediction, question) is right
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
    ("5 km", "5000 m"),
    ("5 km", "5 kilometres"),
    ("5 m", "5m"),
    ("5 m", "5"),
    ("5", "5 kg"),
    ("90°", "90 degrees"),
    ("90°", "$90^{\\circ}$"),
    ("2 hours", "120 minutes"),
    ("20 °C", "20°C"),
    ("50 cents", "$0.50"),
    ("50%", "half"),
    ("1/2", "half"),
    ("25%", "one quarter"),
    ("two thirds", "2/3"),
    ("3/4", "three quarters"),
    ("100", "a hundred"),
    ("12", "a dozen"),
    ("1st", "first"),
    ("second", "2nd"),
    ("-5", "minus 5"),
    ("-5", "The change is minus $5."),
    ("1 h 30 min", "90 minutes"),
    ("1.5 hours", "1 hour 30 minutes"),
    ("5 feet 11 inches", "71 in"),
    ("5 GB", "5000 MB"),
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
    ("5", "minus 5"),
    ("50%", "one third"),
    ("1 h 30 min", "130 minutes"),
    ("5 GB", "5 MB"),
    ("5", "5 dozen"),
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
    "at least 47",
    "at most 47",
    "up to 47",
    "twice 47",
    "half of 47",
    "47 squared",
    "47 times 2",
    "±47",
    "47+",
    "47‰",
    "47\\pi",
    "47x",
    "\\sqrt{47}",
    "√47",
    "|47|",
    "log 47",
    "1 hour 47 apples",
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
