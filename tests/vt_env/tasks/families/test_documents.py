from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from vt_env.tasks.families.documents import DocumentsTask
from vt_env.tasks.sheet import Sheet, Written
from vt_env.tasks.style import draw_style
from vt_env.tasks.task import Question
from vt_env.tasks.vocabulary import ITEMS

SEEDS = range(300)


def drawn(seed: int, canvas: int = 168, novel: bool = False) -> tuple[Sheet, list[Question]]:
    rng = np.random.default_rng([21, seed])
    sheet = Sheet(canvas, draw_style(rng, novel), rng)
    return sheet, DocumentsTask().draw(sheet)


def beside(sheet: Sheet, label: str) -> tuple[Written, Written]:
    """A label and the number in its row."""
    (word,) = (text for text in sheet.written if text.text == label)
    middle = (word.box[1] + word.box[3]) / 2
    numbers = [text for text in sheet.written if text.text.isdigit()]
    (number,) = (text for text in numbers if text.box[1] < middle < text.box[3])
    return word, number


@pytest.mark.parametrize("novel", [False, True])
def test_answers_stand_beside_their_labels(novel: bool) -> None:
    labels = {f"How much is the {item.lower()}?": item for item in ITEMS}
    labels |= {"What is the total?": "Total", "What is the table number?": "Table"}
    met = set()
    for seed in SEEDS:
        sheet, questions = drawn(seed, novel=novel)
        for question in questions:
            if question.text in labels:
                word, number = beside(sheet, labels[question.text])
                assert number.text == question.answer
                assert word.size == number.size  # neither can be read without the other
                assert (number.box[0] < word.box[0]) is sheet.style.mirrored
                met.add(question.text)
    assert met == set(labels)


def test_first_and_last_items_are_the_uppermost_and_the_lowest() -> None:
    choices = Counter[str]()
    for seed in SEEDS:
        sheet, questions = drawn(seed, novel=seed % 2 == 0)
        rows = sorted(
            (text for text in sheet.written if text.text in ITEMS), key=lambda t: t.box[1]
        )
        for question in questions:
            if question.text == "Which item is first?":
                assert question.answer == rows[0].text.lower()
            elif question.text == "Which item is last?":
                assert question.answer == rows[-1].text.lower()
            elif question.text == "How many items are there?":
                assert question.answer == str(len(rows))
            elif question.kind == "choice":
                assert question.choices is not None
                right = question.choices["ABCD".index(question.answer)]
                assert right == rows[0].text.lower()
                assert f"{question.answer} {right}" in question.text
                choices[question.answer] += 1
    assert min(choices[letter] for letter in "ABCD") > sum(choices.values()) / 8


def test_colours_are_those_in_the_picture() -> None:
    met = Counter[str]()
    for seed in SEEDS:
        sheet, questions = drawn(seed)
        for question in questions:
            if question.text in ("What color is the banner?", "What color is the stamp?"):
                left, top, right, bottom = question.box
                middle = (left + 8, (top + bottom) // 2)
                if question.text.endswith("stamp?"):
                    middle = ((left + right) // 2, (top + bottom) // 2)
                assert sheet.image.getpixel(middle) == sheet.style.colors[question.answer]
                met[question.text] += 1
    assert len(met) == 2


def test_ticks_are_counted() -> None:
    for seed in SEEDS:
        sheet, questions = drawn(seed)
        for question in questions:
            if question.text == "Is the box ticked?":
                left, top, right, bottom = question.box
                x, y = (left + right) // 2, (top + bottom) // 2
                around = sheet.image.crop((x - 7, y - 7, x + 7, y + 7)).convert("L")
                darkest, _ = around.getextrema()
                assert (float(darkest) < 100) is (question.answer == "yes")


def test_need_is_not_told_by_the_question() -> None:
    needs = defaultdict[str, Counter[bool | None]](Counter)
    high, low = 0, 0
    for seed in SEEDS:
        _, questions = drawn(seed)
        for question in questions:
            needs[question.text][question.need.high_res] += 1
        met = {question.need.high_res for question in questions}
        high, low = high + (True in met), low + (False in met)
    asked = ("What is the total?", "What is the table number?", "How much is the milk?")
    for text in (*asked, "Which item is first?", "What pattern is on the red stamp?"):
        assert needs[text][True] >= 5
        assert needs[text][False] >= 3
    assert high >= 0.85 * len(SEEDS)
    assert low >= 0.95 * len(SEEDS)


def test_the_novel_page_stands_on_its_head() -> None:
    for seed in range(60):
        for novel in (False, True):
            sheet, questions = drawn(seed, novel=novel)
            banners = [q.box[1] for q in questions if q.text == "What color is the banner?"]
            numbers = [text.box[1] for text in sheet.written if text.text.isdigit()]
            if banners and numbers:
                assert (banners[0] < min(numbers)) is not novel


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_asked_about_are_marked(canvas: int, novel: bool) -> None:
    for seed in range(60):
        sheet, questions = drawn(seed, canvas, novel)
        marks = Counter(thing for thing, _ in sheet.marked)
        for question in questions:
            words = question.text.rstrip("?").split()
            assert all(marks[thing] for thing in ("stamp", "banner") if thing in words)
            if question.text == "Is the box ticked?":
                assert (marks["tick"], marks["box"]) == ((1, 0), (0, 1))[question.answer == "no"]
            elif question.text.startswith("How many boxes"):
                assert marks["tick"] == int(question.answer)
        for _, (left, top, right, bottom) in sheet.marked:
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
