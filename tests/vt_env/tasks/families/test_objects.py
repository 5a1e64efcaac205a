"""Objects: answers against what is painted, needs, and layouts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from vt_env.tasks.families.objects import SHAPES, Block, _ask_place, outline
from vt_env.tasks.parts.props import polygon_mask
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import draw_style
from vt_env.tasks.world import Scene, draw_scene


def scene(seed: int, canvas: int = 168, novel: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([31, seed]), canvas, (("objects",),), novel)


SCENES = [scene(seed) for seed in range(200)]
NOVEL = [scene(seed, novel=True) for seed in range(200)]


def painted(drawn: Scene) -> dict[str, tuple[float, float]]:
    """Middle of the pixels of each colour that a shape has, on the bare sheet."""
    pixels = np.asarray(drawn.sheet.image)
    middles = {}
    for color, shade in drawn.sheet.style.colors.items():
        rows, columns = np.nonzero((pixels == shade).all(axis=2))
        if len(rows) > 60:
            middles[color] = (float(columns.mean()), float(rows.mean()))
    return middles


@pytest.mark.parametrize("drawn", [*SCENES[:80], *NOVEL[:80]])
def test_number_and_presence_are_those_painted(drawn: Scene) -> None:
    there = painted(drawn)
    shapes = {}
    for question in drawn.questions:
        words = question.text.rstrip("?").split()
        if question.text.startswith("How many"):
            assert question.answer == str(len(there))
        if question.text.startswith("Is there a"):
            assert question.answer == ("yes" if words[3] in there else "no")
        if question.text.startswith("What color"):
            assert question.answer in there
        if question.text.startswith("What shape"):
            shapes[words[-1]] = question.answer
    for question in drawn.questions:
        if question.choices:
            color = question.text.split(":")[0].split()[-1]
            picked = question.choices["ABC".index(question.answer)]
            assert shapes.get(color, picked) == picked
            assert len(set(question.choices)) == 3


def test_places_are_compared_only_when_clearly_apart() -> None:
    sheet = Sheet(168, draw_style(np.random.default_rng(0), False), np.random.default_rng(0))
    mask = polygon_mask(40, 40, outline("circle", 40, 0))
    near = [
        Block("circle", "red", (20, 20, 60, 60), mask, None),
        Block("star", "blue", (30, 30, 70, 70), mask, None),
    ]
    assert _ask_place(sheet, near) is None
    apart = [near[0], Block("star", "blue", (100, 26, 140, 66), mask, None)]
    expected = {
        "Is the circle left of the star?": "yes",
        "Is the star left of the circle?": "no",
    }
    asked = [_ask_place(sheet, apart) for _ in range(20)]
    assert {q.text: q.answer for q in asked if q} == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("turn", [-9, 0, 9])
def test_shapes_fill_their_square_and_are_not_clipped(shape: str, turn: int) -> None:
    points = np.array(outline(shape, 100, turn))
    assert points.min() >= -2
    assert points.max() <= 102
    assert np.ptp(points, axis=0).min() >= 80


@pytest.mark.parametrize("scenes", [SCENES, NOVEL])
def test_nearly_every_scene_offers_both_needs(scenes: list[Scene]) -> None:
    for need in (True, False):
        offering = sum(any(q.need.high_res is need for q in s.questions) for s in scenes)
        assert offering >= 0.95 * len(scenes)


def test_the_same_question_is_asked_with_and_without_need() -> None:
    needs: dict[str, set[bool | None]] = {}
    for drawn in SCENES:
        for question in drawn.questions:
            needs.setdefault(question.text, set()).add(question.need.high_res)
    both = [text for text, found in needs.items() if {True, False} <= found]
    assert any("number" in text for text in both)
    assert any("pattern" in text for text in both)


def test_yes_and_no_are_balanced() -> None:
    said = Counter(q.answer for s in SCENES for q in s.questions if q.kind == "yes_no")
    assert 0.4 < said["yes"] / said.total() < 0.6


def test_the_novel_layout_is_another() -> None:
    """Two blocks lie in a row or staggered as a rule, and below each other in the novel layout."""
    for scenes, apart in ((SCENES, 0), (NOVEL, 1)):
        pairs = [sorted(painted(s).values(), key=lambda m: m[apart]) for s in scenes]
        pairs = [pair for pair in pairs if len(pair) == 2]
        gaps = [pair[1][apart] - pair[0][apart] for pair in pairs]
        assert len(gaps) > 30
        assert min(gaps) > 168 * 0.25
        across = [abs(pair[1][1 - apart] - pair[0][1 - apart]) for pair in pairs]
        staggered = sum(gap > 168 * 0.4 for gap in across) / len(pairs)
        assert staggered == 0 if apart else 0.1 <= staggered < 0.6


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_asked_about_are_marked(canvas: int, novel: bool) -> None:
    for seed in range(40):
        drawn = scene(seed, canvas, novel)
        boxes, pixels = dict(drawn.sheet.marked), np.asarray(drawn.sheet.image)
        for question in drawn.questions:
            words = question.text.split(":")[0].rstrip("?").split()
            assert all(shape in boxes for shape in SHAPES if shape in words)
            if question.text.startswith("How many"):
                assert question.answer == str(len(drawn.sheet.marked))
            if question.text.startswith("What color"):
                left, top, right, bottom = boxes[words[-1]]
                inside = pixels[top:bottom, left:right]
                shades = drawn.sheet.style.colors
                covered = {c: (inside == shade).all(axis=2).mean() for c, shade in shades.items()}
                assert max(covered, key=lambda c: covered[c]) == question.answer
        for left, top, right, bottom in boxes.values():
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
