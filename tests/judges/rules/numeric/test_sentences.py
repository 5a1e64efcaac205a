"""Numbers in sentences: the one that answers, and none that is only mentioned."""

from __future__ import annotations

import pytest

from judges import JudgeCase, RuleJudge

RULE = RuleJudge(symbolic=False)


def decide(question: str, reference: str, prediction: str, kind: str = "integer") -> bool | None:
    return RULE.decide(JudgeCase(question, (reference,), prediction, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "reference", "prediction", "right"),
    [
        (
            "How many bars are smaller than 0?",
            "0",
            "There are two bars with values smaller than 0.",
            False,
        ),
        (
            "How many bars are larger than 4?",
            "4",
            "There are two bars with values larger than 4.",
            False,
        ),
        (
            "How many bars are larger than 4?",
            "2",
            "There are two bars with values larger than 4.",
            True,
        ),
        ("How many bars are larger than 4?", "2", "Two bars with values larger than 4", True),
        ("How many bars are larger than 4?", "2", "2 bars are above 4.", True),
        ("How many are in each group?", "2", "It is divided into 2 equal groups.", True),
        (
            "It is divided into 2 equal groups. How many in each?",
            "2",
            "The cake is divided into 2 equal groups.",
            None,
        ),
        (
            "How many people are taller than 6 feet?",
            "6",
            "Three people are taller than 6 feet.",
            False,
        ),
        ("How many cups are there?", "3", "There are three cups on the table.", True),
        ("How many cups are there?", "3", "There are three cups and two plates.", None),
        ("How many cups are there?", "0", "There are no cups.", True),
        ("How many cups are there?", "0", "none", True),
        ("How many cups are there?", "0", "I have no idea.", None),
        ("How many cups are there?", "0", "There are no plates, but 3 cups.", None),
        ("How many cups are there?", "5", "There are no more than 5 cups.", None),
        ("How many cups are there?", "1", "a single cup", True),
        ("How many cups are there?", "24", "two dozen", True),
        ("How many cups are there?", "5", "The left one has 5 cups.", True),
        ("How many cups are there?", "1", "one of the cups", None),
        ("How many cups are there?", "5", "More than 5 cups.", None),
        ("How many cups are there?", "5", "3 more than 5", None),
        ("How many cups are there?", "47", "First I see 47, and then the", None),
        ("How many of the 5 cups are red?", "2", "2 out of 5 cups are red.", True),
        ("What fraction of the cups is red?", "2", "2 out of 5 cups are red.", None),
        ("What is its length?", "5 m", "The length is 5 cm.", False),
        ("What is its length?", "5 m", "The length is 500 cm.", True),
    ],
)
def test_a_number_answers_only_where_it_answers(
    question: str, reference: str, prediction: str, right: bool | None
) -> None:
    assert decide(question, reference, prediction) is right


@pytest.mark.parametrize(
    ("question", "reference", "prediction", "right"),
    [
        ("By how much did sales change?", "3%", "down 3%", False),
        ("By how much did sales change?", "-3%", "down 3%", True),
        ("By how much did sales change?", "-3%", "Sales decreased by 3%.", True),
        ("By how much did sales change?", "3%", "Sales increased by 3%.", True),
        ("By how much did sales fall?", "3%", "Sales fell by 3%.", True),
        ("By how much did sales fall?", "3%", "Sales rose by 3%.", None),
        ("What is the share?", "3%", "down 3%", None),
        ("By how much did sales change?", "3%", "a 3% drop", False),
    ],
)
def test_a_fall_is_negative_where_the_question_leaves_the_direction_open(
    question: str, reference: str, prediction: str, right: bool | None
) -> None:
    assert decide(question, reference, prediction, "number") is right
