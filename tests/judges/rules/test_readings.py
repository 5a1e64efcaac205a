"""Final answers, choices, yes and no, lists, pairs, dates and formulas: how each is read."""

from __future__ import annotations

from typing import Any

import pytest

from judges import JudgeCase, RuleJudge
from judges.rules.choices import options_in
from judges.rules.final_answer import final_answer
from judges.rules.symbolic_guards import comparable

RULE = RuleJudge(symbolic=False)
ANIMALS = ("cat", "dog", "bird", "fish")


def decide(question: str, reference: str, prediction: str, **fields: Any) -> bool | None:
    return RULE.decide(JudgeCase(question, (reference,), prediction, **fields))


@pytest.mark.parametrize(
    "prediction",
    [
        "B</s>",
        "B<|im_end|>",
        "<|begin_of_box|>B<|end_of_box|>",
        "<answer>B</answer>",
        "<answer>B",
        '{"answer": "B"}',
        '```json\n{"reasoning": "it barks", "answer": "B"}\n```',
        "Assistant: B",
        "**Answer**: B",
        "**Answer:** B",
        "### Answer\nB",
        "Final Answer:\n\n**B**",
        "The final answer is B. I hope it is correct.",
        "The answer to the question is B",
        "The correct option is B",
        "The correct option is (B) dog.",
        "The answer must be B.",
        "Answer - B",
        "答案：B",
        "答案是B。",
        "选B",
        "故选：B",
        "B、dog",
        "B dog",
        "B. It is dog",
        "The correct answer is B. Here's why: option B is a dog because it barks.",
        "I would choose option (b).",
    ],
)
def test_a_choice_in_many_phrases(prediction: str) -> None:
    assert decide("What animal?", "B", prediction, choices=ANIMALS) is True
    assert decide("What animal?", "C", prediction, choices=ANIMALS) is False


@pytest.mark.parametrize(
    "prediction",
    [
        "不选B",
        "(B) cat",
        "B or C",
        "The answer is not B.",
        "B. Option C would be right.",
        "B, no, cat",
        "The answer is B. Actually, it is a cat.",
        '{"answer": "B", "choice": "C"}',
    ],
)
def test_what_takes_a_choice_back_is_no_choice(prediction: str) -> None:
    assert decide("What animal?", "B", prediction, choices=ANIMALS) is not True


def test_letter_and_the_options_own_text() -> None:
    fractions = ("\\frac{20}{3}", "\\frac{10}{3}", "7", "\\frac{14}{3}")
    assert decide("Find x.", "\\frac{20}{3}", "(A) \\frac{20}{3}", choices=fractions) is True
    assert decide("Find x.", "\\frac{20}{3}", "(B) \\frac{20}{3}", choices=fractions) is not True
    shares = ("Around 21%", "Around 27%", "Around 31%")
    assert decide("What share?", "Around 31%", "(C) Around 31%", choices=shares) is True
    assert decide("What share?", "A", "(C) Around 31%", choices=shares) is False


def test_options_of_equal_text_are_told_apart_by_letter() -> None:
    areas = ("9", "12", "18", "18")
    assert decide("What is the area?", "18", "C", choices=areas) is True
    assert decide("What is the area?", "C", "C", choices=areas) is True
    assert decide("What is the area?", "C", "D", choices=areas) is False
    assert decide("What is the area?", "C", "18", choices=areas) is None


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which? A．红色 B．蓝色 C．绿色", ("红色", "蓝色", "绿色")),
        ("Which? A、红色 B、蓝色", ("红色", "蓝色")),
        ("Which? (a) red (b) blue (c) green", ("red", "blue", "green")),
        ("Which? A) red B) blue", ("red", "blue")),
        ("A dog. Which colour?\nA. red\nB. blue", ("red", "blue")),
        ("Is A. Smith the author?", None),
    ],
)
def test_options_in_questions(question: str, options: tuple[str, ...] | None) -> None:
    assert options_in(question) == options


@pytest.mark.parametrize(
    ("question", "prediction", "right"),
    [
        ("Is the function convex?", "No, the function is not convex.", True),
        ("Is the function convex?", "Yes, the function is convex.", False),
        ("Is the function convex?", "It is not convex.", True),
        ("Is the function convex?", "(A) No", None),
    ],
)
def test_yes_and_no_as_options(question: str, prediction: str, right: bool | None) -> None:
    assert decide(question, "No", prediction, choices=("Yes", "No")) is right


@pytest.mark.parametrize(
    ("question", "prediction", "right"),
    [
        ("Is there a dog in the image?", "There is no dog.", True),
        ("Is there a dog in the image?", "There isn't a dog in the image.", True),
        ("Is there a dog in the image?", "There is a dog.", False),
        ("Is there a dog in the image?", "There is a cat.", None),
        ("Is there a dog in the image?", "not sure", None),
        ("Is there a dog in the image?", "There is no way to tell.", None),
        ("Is the dog bigger than the cat?", "The cat is bigger than the dog.", None),
        ("Is it raining?", "It is not raining.", True),
        ("Is the car not red?", "The car is not red.", None),
    ],
)
def test_the_question_said_again_is_a_yes_or_a_no(
    question: str, prediction: str, right: bool | None
) -> None:
    assert decide(question, "no", prediction, kind="yes_no") is right


@pytest.mark.parametrize(
    ("question", "reference", "prediction", "kind", "right"),
    [
        ("What is the interval?", "[0,9)", "(0,9)", None, None),
        ("What is the interval?", "[0,9)", "[0, 9)", None, True),
        ("What is the bounding box?", "[10,20,30,40]", "[40,30,20,10]", "list", False),
        ("What is the bounding box?", "[10,20,30,40]", "[10, 20, 30, 40]", "list", True),
        ("How many are in each row?", "[1, 2, 3]", "[3, 2, 1]", "list", None),
        ("Which numbers?", "[1, 3]", "3 & 1", "list", True),
        ("What colours?", "['red', 'blue']", "blue, red", "list", True),
        ("Which colours?", "red, blue", "red/blue", "list", True),
        ("Which colours?", "红色，蓝色", "红色和蓝色", "list", True),
        ("Which colours?", "red; blue", "crimson; blue", "list", None),
        ("Solve the system.", "x=1, y=4", "x=4, y=1", None, None),
        ("Solve the system.", "x=1, y=4", "y = 4, x = 1", None, True),
    ],
)
def test_lists_and_brackets(
    question: str, reference: str, prediction: str, kind: str | None, right: bool | None
) -> None:
    assert decide(question, reference, prediction, kind=kind) is right


@pytest.mark.parametrize(
    ("question", "reference", "prediction", "right"),
    [
        ("Which version is it?", "3.10", "3.1", None),
        ("Which version is it?", "3.10", "version 3.10", True),
        ("What is the blood pressure?", "120/80 mmHg", "1.5", None),
        ("What is the blood pressure?", "1.5", "120/80 mmHg", None),
        ("What is the blood pressure?", "120/80 mmHg", "120/80", True),
        ("What is the date?", "3/4", "0.75", None),
        ("What is the score?", "3-2", "3:2", True),
        ("What is the score?", "3-2", "2-3", None),
        ("What is the ratio?", "3:5", "6 to 10", True),
        ("What is the ratio?", "1:2", "2:1", False),
        ("What is the phone number?", "(555) 014-2277", "555-014-2277", True),
        ("What is the value?", "$28\\%$", "$28$ percent", True),
        ("How long is it?", "5 cm", "$5$ cm", True),
        ("How long is it?", "5 cm", "\\boxed{5}\\text{ cm}", True),
        ("How long is it?", "5 cm", "\\boxed{5}\\text{ m}", False),
        ("What is the angle?", "30", "$\\angle ABC = 30^\\circ$", True),
        ("What is the area?", "48", "The area is 6 × 8 = 48.", True),
        ("What is the value of the product?", "5!", "5", None),
        ("What is the value of the product?", "5!", "5!", True),
        ("What colour is the roof?", "grey", "The roof is gray.", True),
        ("What colour is the roof?", "blue", "The roof is red, not blue.", None),
        ("Which city is it?", "Paris", "Paris\n\nExplanation: the Eiffel tower is visible.", True),
        ("Which city is it?", "Paris", "Paris. Explanation: actually it is Lyon.", None),
    ],
)
def test_signs_forms_and_sentences(
    question: str, reference: str, prediction: str, right: bool | None
) -> None:
    assert decide(question, reference, prediction) is right


@pytest.mark.parametrize(
    ("reference", "prediction", "right"),
    [
        ("1998年5月3日", "May 3, 1998", True),
        ("2:30", "half past two", True),
        ("4:45", "quarter to five", True),
        ("10:10", "The clock shows 10:10.", True),
        ("2:30", "2:30 PM", None),
        ("2:30 PM", "2:30 AM", False),
        ("2:30 PM", "2:30", None),
        ("14:30", "2:30 pm", True),
        ("March 5", "March 5, 2019", None),
        ("March 5, 2019", "March 6", False),
        ("Monday, March 5", "Tuesday, March 5", None),
        ("October 1994", "10/1994", True),
    ],
)
def test_dates_and_times(reference: str, prediction: str, right: bool | None) -> None:
    assert decide("When?", reference, prediction, kind="text") is right


@pytest.mark.parametrize(
    ("left", "right", "believed"),
    [
        ("\\frac{1}{2004!}", "\\frac{1}{2006!}", False),
        ("1, 2, \\ldots, n", "1, 3, 5, \\ldots, 2n-1", False),
        ("x^2 = 4", "\\forall x, x^2 = 4", False),
        ("3x-y+13=0", "3x+4y+14=0", False),
        ("\\pm 2021", "2021", False),
        ("9^{999}", "9^{998}", False),
        ("12345678901234567890", "12345678901234567891", False),
        ("\\sqrt{12}", "2\\sqrt{3}", True),
        ("x = 2\\sqrt{3}", "\\sqrt{12}", True),
        ("(x+1)^2", "x^2+2x+1", True),
    ],
)
def test_math_verify_is_asked_only_where_it_can_be_believed(
    left: str, right: str, believed: bool
) -> None:
    assert comparable(left, right) is believed
    assert comparable(right, left) is believed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("$5 to $10", "$5 to $10"),
        ("It costs $5.", "It costs $5"),
        ("$x=4$", "x=4"),
        ("$\\$5$", "$5"),
        ("2**3", "2**3"),
        ("I think it is about 5.", "5"),
        ("Sum: 437 + 2*234 = 905.\n✅ Final Answer: **73**", "73"),
        ("ANSWER: A ... actually, ANSWER: B", "B"),
        ("$\\boxed{\\text{dog}}$", "dog"),
        ("", ""),
    ],
)
def test_final_answers(text: str, answer: str) -> None:
    assert final_answer(text) == answer
