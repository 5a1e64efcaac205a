"""Two numbers in the light of the question: shares, magnitudes, units, tolerance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import JudgeCase, RuleJudge
from judges.rules.numeric.comparison import quantities_match
from judges.rules.numeric.numbers import parse_quantity

RULE = RuleJudge(symbolic=False)


def match(reference: str, prediction: str, question: str) -> bool | None:
    ours, theirs = parse_quantity(prediction), parse_quantity(reference)
    assert ours is not None and theirs is not None
    return quantities_match(ours, theirs, None, question)


@pytest.mark.parametrize(
    ("reference", "prediction", "question", "right"),
    [
        ("0.1", "5", "What is the length of AB?", False),
        ("0.1", "14", "What is the length of AB?", False),
        ("0.0", "1.2", "What is the slope?", False),
        ("0.0", "4", "What percentage is it?", False),
        ("0.8", "75", "What share is blue?", None),
        ("0.8", "80", "What share is blue?", True),
        ("0.8", "80%", "What share is blue?", True),
        ("0.8", "85", "What is the height?", False),
        ("0.05", "5", "What is the p-value?", False),
        ("47", "0.47", "What is the value of the blue bar?", False),
        ("47", "47%", "What is the value of the blue bar?", None),
        ("47", "46%", "What is the value of the blue bar?", False),
        ("47", "47%", "What percentage said yes?", True),
        ("47%", "0.47", "What is the value?", True),
        ("0.47", "47%", "What is the probability?", True),
        ("0.47", "47", "What is the probability?", None),
        ("1/3", "33%", "What fraction is blue?", True),
        ("1/3", "34%", "What fraction is blue?", False),
        ("47", "0.47", "What is the heart rate?", False),
    ],
)
def test_percent_and_fraction_are_one_only_where_a_share_is_spoken_of(
    reference: str, prediction: str, question: str, right: bool | None
) -> None:
    assert match(reference, prediction, question) is right


@pytest.mark.parametrize(
    ("reference", "prediction", "question", "right"),
    [
        ("300 K", "300", "What is the temperature?", True),
        ("300 K", "300 kelvin", "What is the temperature?", True),
        ("300 K", "300000", "What is the temperature?", None),
        ("5 T", "5 tesla", "What is the field?", True),
        ("2 M", "2 mol/L", "What is the concentration?", True),
        ("250K", "250,000", "How many followers does it have?", True),
        ("250K", "250", "How many followers does it have?", None),
        ("$4.2B", "$4.2 billion", "What was the revenue?", True),
        ("$4.2B", "4.2", "What was the revenue?", False),
        ("3.5M people", "3,500,000", "What is shown?", True),
        ("3.5B", "3.5 billion", "What is the revenue?", True),
        ("3.5B", "3.5 billion", "What is the value?", None),
    ],
)
def test_a_bare_capital_is_a_magnitude_only_where_things_are_counted(
    reference: str, prediction: str, question: str, right: bool | None
) -> None:
    assert match(reference, prediction, question) is right


@pytest.mark.parametrize(
    ("reference", "prediction", "question", "right"),
    [
        ("3.5", "$3.5 million", "What was the profit in million dollars?", True),
        ("3.5", "3,500,000", "What was the profit in million dollars?", True),
        ("3.5", "$3.5 billion", "What was the profit in million dollars?", False),
        ("1.2", "1.2 billion", "What was the value in billions?", True),
        ("1.2", "1.2 billion", "What was the value?", False),
        ("2.8", "$2.8 billion", "What is the turnover in billion yen?", None),
        ("5", "5 m", "What is the length in cm?", False),
        ("5", "0.05 m", "What is the length in cm?", True),
        ("5", "£5", "What is the price in dollars?", None),
        ("5", "$5", "What is the angle?", None),
    ],
)
def test_the_question_names_scale_unit_and_currency(
    reference: str, prediction: str, question: str, right: bool | None
) -> None:
    assert match(reference, prediction, question) is right


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("20 °C", "68 °F", True),
        ("20 °C", "20 °F", None),
        ("72°F", "72°", True),
        ("2 m", "6.56 ft", None),
        ("2 m", "7 ft", False),
        ("5 kJ", "5 J", False),
        ("1 atm", "101325 Pa", True),
        ("10 MB", "10 Mb", False),
        ("250 kcal", "250 calories", True),
        ("¥800", "800 yen", True),
        ("¥800", "800 dollars", False),
        ("0,125", "0.125", True),
        ("0,125", "125", False),
    ],
)
def test_units_convert(reference: str, prediction: str, right: bool | None) -> None:
    assert match(reference, prediction, "") is right


@given(st.integers(1, 999), st.integers(0, 3), st.integers(1, 999_999))
def test_no_share_no_hundredfold(digits: int, places: int, prediction: int) -> None:
    """Without a share in the question a number is accepted by its own decimals alone."""
    reference = f"{digits / 10**places:.{places}f}"
    near = abs(prediction - digits / 10**places) <= (0.5 / 10**places if places else 0) + 1e-12
    case = JudgeCase("What is the length of AB?", (reference,), str(prediction))
    assert (RULE.decide(case) is True) == near
