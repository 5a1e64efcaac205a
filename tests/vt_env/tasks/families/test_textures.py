"""Textures: answers against what is painted, needs, and layouts."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.world import Scene, draw_scene


def scene(seed: int, canvas: int = 168, novel: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([33, seed]), canvas, (("textures",),), novel)


SCENES = [scene(seed) for seed in range(150)]
NOVEL = [scene(seed, novel=True) for seed in range(150)]
LARGE = [scene(seed, 448, seed % 2 == 1) for seed in range(20)]


def swatches(drawn: Scene) -> dict[str, tuple[int, tuple[float, float]]]:
    """Number of the hatched area and its middle, by colour of the swatch."""
    pixels, found = np.asarray(drawn.sheet.image), {}
    for number, (left, top, right, bottom) in enumerate(a.box for a in drawn.sheet.hatched):
        x, y = (left + right) // 2, (top + bottom) // 2
        shade = tuple(pixels[y, x].tolist())
        color = next(c for c, s in drawn.sheet.style.colors.items() if s == shade)
        found[color] = (number, (float(x), float(y)))
    return found


@pytest.mark.parametrize("drawn", [*SCENES[:80], *NOVEL[:80], *LARGE])
def test_answers_are_what_is_drawn(drawn: Scene) -> None:
    there = swatches(drawn)
    assert len(there) == len(drawn.sheet.hatched)
    for question in drawn.questions:
        words = question.text.rstrip("?").replace(":", "").split()
        if question.text.startswith("How many"):
            assert question.answer == str(len(there))
        elif question.text.startswith("What pattern"):
            number, _ = there[words[5]]
            assert question.answer == drawn.sheet.hatched[number].pattern
        elif question.text.startswith("Is the pattern"):
            number, _ = there[words[5]]
            right = drawn.sheet.hatched[number].pattern == words[-1]
            assert question.answer == ("yes" if right else "no")
        elif question.text.startswith("Is the"):
            one, other = (there[w][1] for w in words if w in there)
            axis = 0 if "left" in words else 1
            assert question.answer == ("yes" if one[axis] < other[axis] else "no")
        elif question.text.startswith(("What color", "Which")):
            color = question.answer
            if question.choices:
                color = question.choices["ABC".index(question.answer)]
                words = words[:7]
            sides = {"left": (0, -1), "right": (0, 1), "top": (1, -1), "bottom": (1, 1)}
            x_y = there[color][1]
            for other_color, (_, middle) in there.items():
                if other_color != color:
                    along = [(middle[a] - x_y[a]) * s for w, (a, s) in sides.items() if w in words]
                    assert along
                    assert min(along) < 0


@pytest.mark.parametrize("scenes", [SCENES, NOVEL, LARGE])
def test_nearly_every_scene_offers_both_needs(scenes: list[Scene]) -> None:
    for need in (True, False):
        offering = sum(any(q.need.high_res is need for q in s.questions) for s in scenes)
        assert offering >= 0.95 * len(scenes)


def test_whether_a_fine_swatch_has_a_pattern_is_a_toss_up() -> None:
    said: dict[str, Counter[str]] = {pattern: Counter() for pattern in PATTERNS}
    for drawn in [*SCENES, *NOVEL]:
        for question in drawn.questions:
            if question.text.startswith("Is the pattern") and question.need.high_res:
                said[question.text.rstrip("?").split()[-1]][question.answer] += 1
    total = sum(said.values(), Counter[str]())
    assert 0.4 < total["yes"] / total.total() < 0.6
    assert all(0.25 < c["yes"] / c.total() < 0.75 for c in said.values())


def test_the_same_question_is_asked_with_and_without_need() -> None:
    needs: dict[str, set[bool | None]] = {}
    for drawn in SCENES:
        for question in drawn.questions:
            needs.setdefault(question.text, set()).add(question.need.high_res)
    both = [text for text, found in needs.items() if {True, False} <= found]
    assert any("number" in text for text in both)
    assert any("What pattern" in text for text in both)


def test_swatches_lie_side_by_side_or_below_each_other_in_the_novel_layout() -> None:
    for scenes, axis in ((SCENES, 0), (NOVEL, 1)):
        for drawn in scenes:
            areas = [area.box for area in drawn.sheet.hatched]
            for one, other in itertools.pairwise(areas):
                assert one[axis + 2] <= other[axis]


@pytest.mark.parametrize("drawn", [*SCENES[:40], *NOVEL[:40], *LARGE])
def test_swatches_are_marked(drawn: Scene) -> None:
    assert drawn.sheet.marked == [("cloth", area.box) for area in drawn.sheet.hatched]
    for _, (left, top, right, bottom) in drawn.sheet.marked:
        assert 0 <= left < right <= drawn.sheet.side
        assert 0 <= top < bottom <= drawn.sheet.side
