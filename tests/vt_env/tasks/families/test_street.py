from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from vt_env.tasks.families.street import StreetTask
from vt_env.tasks.parts.traffic import LAMPS, UNLIT
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import draw_style
from vt_env.tasks.task import Question
from vt_env.tasks.vocabulary import ITEMS

SEEDS = range(200)


def drawn(seed: int, canvas: int = 168, novel: bool = False) -> tuple[Sheet, list[Question]]:
    rng = np.random.default_rng([22, seed])
    sheet = Sheet(canvas, draw_style(rng, novel), rng)
    return sheet, StreetTask().draw(sheet)


def count(sheet: Sheet, question: Question, color: tuple[int, int, int]) -> int:
    """How many pixels of a question's box have a colour."""
    pixels = np.asarray(sheet.image.crop(question.box))
    return int((pixels == color).all(axis=2).sum())


@pytest.mark.parametrize("canvas", [168, 448])
def test_what_is_read_stands_in_the_box(canvas: int) -> None:
    met = set()
    for seed in range(150):
        sheet, questions = drawn(seed, canvas, novel=seed % 2 == 0)
        for question in questions:
            if not question.text.startswith(("What number", "What does")):
                continue
            left, top, right, bottom = question.box
            inside = [
                text.text
                for text in sheet.written
                if left <= text.box[0] and text.box[2] <= right
                if top <= text.box[1] and text.box[3] <= bottom
            ]
            answer = question.answer
            if question.choices:
                answer = question.choices["ABCD".index(answer)]
                assert f"{question.answer} {answer}" in question.text
            assert [text.lower() for text in inside] == [answer]
            met.add(question.text.split(":")[0])
    assert {"What number is on the bus?", "What does the shop sell?"} <= met
    assert "What number is on the red house?" in met


def test_colours_are_those_in_the_picture() -> None:
    for seed in SEEDS:
        sheet, questions = drawn(seed, novel=seed % 2 == 0)
        for question in questions:
            if not question.text.startswith("What color"):
                continue
            colors = sheet.style.colors
            if question.text.endswith("light?"):
                lit = [name for name in LAMPS if count(sheet, question, LAMPS[name]) > 20]
                assert lit == [question.answer]
                assert count(sheet, question, UNLIT) > 40
            elif "door" in question.text:
                assert count(sheet, question, colors[question.answer]) > 200
            else:
                named = {name: count(sheet, question, colors[name]) for name in colors}
                assert max(named, key=lambda name: named[name]) == question.answer


def test_a_wall_and_its_door_or_shutter_differ() -> None:
    for seed in SEEDS:
        _, questions = drawn(seed, 448)
        answers = {question.text: question.answer for question in questions}
        for text, answer in answers.items():
            if text.startswith("What color is the door of the"):
                assert f"the {answer} house" not in text


def test_answers_are_balanced() -> None:
    said = defaultdict[str, Counter[str]](Counter)
    for seed in range(600):
        for question in drawn(seed)[1]:
            group = "choice" if question.kind == "choice" else question.text
            said[group][question.answer] += 1
    for text, answers in (
        ("Is there a car?", ("yes", "no")),
        ("choice", tuple("ABCD")),
        ("What color is the traffic light?", tuple(LAMPS)),
        ("What does the shop sell?", tuple(item.lower() for item in ITEMS)),
    ):
        total = sum(said[text].values())
        assert set(said[text]) == set(answers)
        assert all(0.6 < said[text][a] * len(answers) / total < 1.5 for a in answers)
    assert len(said["What number is on the bus?"]) > 60


def test_need_is_not_told_by_the_question() -> None:
    needs = defaultdict[str, Counter[bool | None]](Counter)
    high, low, seeds = 0, 0, range(400)
    for seed in seeds:
        _, questions = drawn(seed)
        for question in questions:
            needs[question.text][question.need.high_res] += 1
        met = {question.need.high_res for question in questions}
        high, low = high + (True in met), low + (False in met)
    shutter = "What pattern is on the red shutter?"
    house = "What number is on the red house?"
    for text in ("What number is on the bus?", house, "What does the shop sell?", shutter):
        assert needs[text][True] >= 5
        assert needs[text][False] >= 3
    assert high >= 0.85 * len(seeds)
    assert low == len(seeds)


def test_the_novel_street_is_mirrored() -> None:
    for novel in (False, True):
        lights, panels = [], []
        for seed in range(80):
            _, questions = drawn(seed, novel=novel)
            boxes = {question.text: question.box for question in questions}
            if "What color is the traffic light?" in boxes:
                lights.append(boxes["What color is the traffic light?"][0] < 84)
            if "What number is on the bus?" in boxes:
                bus, panel = boxes["What color is the bus?"], boxes["What number is on the bus?"]
                panels.append(panel[0] - bus[0] < bus[2] - panel[2])
        assert set(lights) == set(panels) == {novel}


def test_a_large_canvas_has_more_buildings() -> None:
    counts = {
        canvas: max(len(drawn(seed, canvas)[1]) for seed in range(40)) for canvas in (168, 1008)
    }
    assert counts[1008] > counts[168]


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_asked_about_are_marked(canvas: int, novel: bool) -> None:
    things = ("house", "shop", "door", "shutter", "car", "bus", "light")
    for seed in range(60):
        sheet, questions = drawn(seed, canvas, novel)
        marks = Counter(thing for thing, _ in sheet.marked)
        boxes = dict(sheet.marked)
        for question in questions:
            words = question.text.split(":")[0].rstrip("?").split()
            named = [thing for thing in things if thing in words]
            assert all(marks[thing] for thing in named) is (question.answer != "no")
            if question.text.startswith("How many houses"):
                assert marks["house"] == marks["door"] == int(question.answer)
            if question.text.endswith("light?"):
                lamp = np.asarray(sheet.image.crop(boxes["light"]))
                assert (lamp == LAMPS[question.answer]).all(axis=2).mean() > 0.6
        for _, (left, top, right, bottom) in sheet.marked:
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
