"""Multiple choice: one mechanism for every family."""

from collections import Counter

import pytest

from tests.vt_env.tasks.test_sheet import sheet
from vt_env.tasks.composing import offer, two_digits
from vt_env.tasks.hatching import PATTERNS

SHAPES = ("circle", "square", "cross", "star", "triangle")


@pytest.mark.parametrize("count", [3, 4, None])
def test_options_hold_the_right_one_at_its_letter(count: int | None) -> None:
    page, places, wrong = sheet(), Counter[str](), Counter[str]()
    question = page.plain_question("Which shape is red?", "star", (0, 0, 9, 9))
    for _ in range(400):
        told = offer(page, question, SHAPES, count)
        assert told.choices is not None
        assert len(set(told.choices)) == len(told.choices) == (count or len(SHAPES))
        assert told.choices["ABCDE".index(told.answer)] == "star"
        assert told.text.startswith("Which shape is red: A ")
        assert f"{told.answer} star" in told.text
        assert (told.kind, told.need) == ("choice", question.need)
        places[told.answer] += 1
        wrong.update(choice for choice in told.choices if choice != "star")
    assert min(places.values()) > 0.6 * 400 / (count or len(SHAPES))
    assert min(wrong.values()) > 0.7 * max(wrong.values())


def test_twins_are_told_in_letters_too() -> None:
    page = sheet()
    area = page.hatch((20, 20, 60, 60), pattern="vertical", fine=True)
    told = offer(page, page.pattern_question("What pattern is it?", area), PATTERNS)
    assert told.choices is not None
    for pattern, letter in {**told.twins, "vertical": told.answer}.items():
        assert told.choices["ABCD".index(letter)] == pattern


def test_two_digit_numbers_are_different() -> None:
    assert sorted(two_digits(sheet(), 90)) == [str(n) for n in range(10, 100)]
