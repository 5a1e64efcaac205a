"""Charts: answers against what is painted, needs, and layouts."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.parts.chart_lines import FALLING, RISING, _heights
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import draw_style
from vt_env.tasks.vocabulary import ITEMS
from vt_env.tasks.world import Scene, draw_scene

CANVAS = 168


def scene(seed: int, canvas: int = CANVAS, novel: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([5, seed]), canvas, (("charts",),), novel)


SCENES = [scene(seed) for seed in range(600)]
NOVEL = [scene(seed, novel=True) for seed in range(200)]


def painted(drawn: Scene, color: str) -> int:
    """Pixels of a colour on the bare sheet."""
    pixels = np.asarray(drawn.sheet.image)
    return int((pixels == drawn.sheet.style.colors[color]).all(axis=2).sum())


def visible(drawn: Scene, least: int = 60) -> set[str]:
    return {color for color in drawn.sheet.style.colors if painted(drawn, color) >= least}


def answers(drawn: Scene, start: str) -> list[str]:
    return [q.answer for q in drawn.questions if q.text.startswith(start) and q.kind != "choice"]


@pytest.mark.parametrize("drawn", [SCENES, NOVEL], ids=["usual", "novel"])
def test_the_largest_bar_or_slice_covers_most(drawn: list[Scene]) -> None:
    told = 0
    for one in drawn:
        for part in ("bar", "slice"):
            for answer in answers(one, f"What color is the largest {part}?"):
                # a legend's swatch is as large for every colour
                assert answer == max(visible(one), key=lambda color: painted(one, color))
                told += 1
    assert told > 80


def test_bars_and_slices_are_counted() -> None:
    for drawn in SCENES:
        for part in ("bars", "slices"):
            for answer in answers(drawn, f"How many {part}"):
                assert int(answer) == len(visible(drawn))


@pytest.mark.parametrize("drawn", [SCENES, NOVEL], ids=["usual", "novel"])
def test_numbers_titles_and_items_are_written_as_said(drawn: list[Scene]) -> None:
    for one in drawn:
        for question in one.questions:
            if question.need.proof != "legibility":
                continue
            left, top, right, bottom = question.box
            inside = [
                w.text.lower()
                for w in one.sheet.written
                if w.box[0] >= left and w.box[1] >= top and w.box[2] <= right and w.box[3] <= bottom
            ]
            assert question.answer in inside, question
            if question.kind == "integer":
                assert 10 <= int(question.answer) <= 99
            else:
                assert question.answer in {item.lower() for item in ITEMS}


def test_a_number_says_nothing_about_its_bar() -> None:
    rises = 0
    pairs = 0
    for seed in range(400):
        drawn = scene(seed)
        numbers = {
            q.text.split()[5]: int(q.answer)
            for q in drawn.questions
            if q.text.startswith("What number is on the") and q.text.endswith("bar?")
        }
        for one, other in itertools.combinations(numbers, 2):
            pairs += 1
            taller = painted(drawn, one) > painted(drawn, other)
            rises += taller == (numbers[one] > numbers[other])
    assert pairs > 150
    assert abs(rises / pairs - 0.5) < 0.12


@pytest.mark.parametrize("shape", [RISING, FALLING, "peaked"])
def test_lines_have_their_shape(shape: str) -> None:
    rng = np.random.default_rng(1)
    sheet = Sheet(CANVAS, draw_style(rng, novel=False), rng)
    for _ in range(50):
        steps = np.diff(_heights(sheet, shape, 5))
        if shape == RISING:
            assert (steps > 0).all()
        elif shape == FALLING:
            assert (steps < 0).all()
        else:
            assert (steps[:2] > 0).all()
            assert (steps[2:] < 0).all()


@pytest.mark.parametrize("canvas", [112, 168, 224, 448, 1024])
@pytest.mark.parametrize("novel", [False, True])
def test_texts_are_apart_and_clear_of_hatching(canvas: int, novel: bool) -> None:
    for seed in range(60 if canvas < 500 else 15):
        drawn = scene(seed, canvas, novel)
        boxes = [w.box for w in drawn.sheet.written]
        for a, b in itertools.combinations(boxes, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for area in drawn.sheet.hatched:
            for box in boxes:
                left, top, right, bottom = area.box
                outside = (
                    box[2] + 2 <= left
                    or right + 2 <= box[0]
                    or box[3] + 2 <= top
                    or bottom + 2 <= box[1]
                )
                assert outside or area.mask is not None  # a ring's number stands in its hole


def test_both_needs_occur_in_nearly_every_scene_and_for_the_same_question() -> None:
    needs = [{q.need.high_res for q in drawn.questions} for drawn in SCENES]
    assert all(False in need for need in needs)
    assert np.mean([True in need for need in needs]) > 0.88
    by_text: dict[str, Counter[bool | None]] = {}
    for drawn in SCENES:
        for question in drawn.questions:
            by_text.setdefault(question.text, Counter())[question.need.high_res] += 1
    for text in ("What is the title?", "What number is on the line?"):
        assert min(by_text[text][True], by_text[text][False]) > 5, text


def test_patterns_are_told_in_letters_where_they_are_offered() -> None:
    offered = [
        q
        for seed in range(300)
        for q in scene(seed).questions
        if q.kind == "choice" and q.text.startswith("What pattern")
    ]
    assert offered
    for question in offered:
        assert question.choices is not None
        assert set(question.choices) == set(PATTERNS)
        assert question.answer in "ABCD"
        if question.need.high_res:
            assert sorted([question.answer, *question.twins.values()]) == list("ABCD")
            for pattern, letter in question.twins.items():
                assert question.choices["ABCD".index(letter)] == pattern


def test_bars_lie_in_the_novel_layout_only() -> None:
    lying = {False: set(), True: set()}
    for novel, drawn in ((False, SCENES), (True, NOVEL)):
        for one in drawn:
            boxes = [
                area.box
                for area, q in zip(one.sheet.hatched, one.questions, strict=False)
                if area.mask is None
            ]
            if len(boxes) > 1:
                lying[novel].add(len({box[0] for box in boxes}) == 1)
    assert lying == {False: {False}, True: {True}}


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_that_are_asked_about_are_marked(canvas: int, novel: bool) -> None:
    for seed in range(60):
        drawn = scene(seed, canvas, novel)
        marked = Counter(thing for thing, _ in drawn.sheet.marked)
        for question in drawn.questions:
            for thing in ("bar", "slice", "line", "title"):
                assert thing not in question.text or marked[thing], question
            for thing in ("bar", "slice"):
                if question.text == f"How many {thing}s are there?":
                    assert marked[thing] == int(question.answer)
        for _, (left, top, right, bottom) in drawn.sheet.marked:
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
