"""Maps: answers against what is painted, needs, and layouts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from vt_env.tasks.families.maps import FIELD_COLORS
from vt_env.tasks.parts.map_land import ROADS, WATERS
from vt_env.tasks.world import Scene, draw_scene

SIDE = 168


def scene(seed: int, canvas: int = SIDE, novel: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([32, seed]), canvas, (("maps",),), novel)


SCENES = [scene(seed) for seed in range(150)]
NOVEL = [scene(seed, novel=True) for seed in range(150)]


def is_color(drawn: Scene, shades: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    pixels = np.asarray(drawn.sheet.image)
    return np.any([(pixels == shade).all(axis=2) for shade in shades], axis=0)


def fields(drawn: Scene) -> dict[str, tuple[float, float]]:
    """Middle of each field by colour: the hatched areas are the fields."""
    pixels, middles = np.asarray(drawn.sheet.image), {}
    for area in drawn.sheet.hatched:
        left, top, right, bottom = area.box
        shade = tuple(pixels[(top + bottom) // 2, (left + right) // 2].tolist())
        color = next(c for c, s in drawn.sheet.style.colors.items() if s == shade)
        middles[color] = ((left + right) / 2, (top + bottom) / 2)
    return middles


@pytest.mark.parametrize("drawn", [*SCENES[:80], *NOVEL[:80]])
def test_fields_are_where_it_is_said(drawn: Scene) -> None:
    there = fields(drawn)
    assert set(there) <= set(FIELD_COLORS)
    for question in drawn.questions:
        words = question.text.rstrip("?").split()
        if question.text.startswith("How many"):
            assert question.answer == str(len(there))
        if question.text.startswith("Is the"):
            one, other = (there[w] for w in words if w in there)
            axis = 0 if "left" in words else 1
            assert question.answer == ("yes" if one[axis] < other[axis] else "no")
            assert abs(one[axis] - other[axis]) >= 20
        if question.text.startswith("What color"):
            apart = [m for c, m in there.items() if c != question.answer]
            x, y = there[question.answer]
            assert all(
                (mx - x > 10 if "left" in words else x - mx > 10)
                or (my - y > 10 if "top" in words else y - my > 10)
                for mx, my in apart
            )


@pytest.mark.parametrize("drawn", [*SCENES, *NOVEL])
def test_water_is_where_it_is_said(drawn: Scene) -> None:
    wet = is_color(drawn, WATERS)
    share = {
        "left": wet[:, 4].mean(),
        "right": wet[:, -5].mean(),
        "top": wet[4].mean(),
        "bottom": wet[-5].mean(),
    }
    for question in drawn.questions:
        if "lake" in question.text:
            assert share[question.answer] > 0.9
            assert sum(v > 0.5 for v in share.values()) == 1
        if "river" in question.text:
            road = is_color(drawn, ROADS)
            upright = max(share["top"], share["bottom"]) > 0.02
            lies = max(share["left"], share["right"]) > 0.02
            assert upright != lies
            assert road.any()
            runs_down = drawn.sheet.style.novel
            assert question.answer == ("yes" if upright != runs_down else "no")


@pytest.mark.parametrize("scenes", [SCENES, NOVEL])
def test_nearly_every_map_offers_both_needs(scenes: list[Scene]) -> None:
    for need in (True, False):
        offering = sum(any(q.need.high_res is need for q in s.questions) for s in scenes)
        assert offering >= 0.95 * len(scenes)


def test_the_same_question_is_asked_with_and_without_need() -> None:
    needs: dict[str, set[bool | None]] = {}
    for drawn in SCENES:
        for question in drawn.questions:
            needs.setdefault(question.text, set()).add(question.need.high_res)
    for text in ("What number is on the road?", "What pattern is on the red field?"):
        assert {True, False} <= needs[text]
    assert any({True, False} <= n for t, n in needs.items() if t.endswith("marker?"))


def test_yes_and_no_are_balanced() -> None:
    for start in ("Does the road", "Is the"):
        said = Counter(
            q.answer
            for s in SCENES + NOVEL
            for q in s.questions
            if q.kind == "yes_no" and q.text.startswith(start)
        )
        assert 0.37 < said["yes"] / said.total() < 0.63


def test_the_road_runs_down_in_the_novel_layout_alone() -> None:
    for scenes, novel in ((SCENES, False), (NOVEL, True)):
        for drawn in scenes:
            road = is_color(drawn, ROADS)
            rows, columns = np.nonzero(road)
            assert (np.ptp(rows) > np.ptp(columns)) == novel


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_asked_about_are_marked(canvas: int, novel: bool) -> None:
    for seed in range(40):
        drawn = scene(seed, canvas, novel)
        marks = Counter(thing for thing, _ in drawn.sheet.marked)
        for question in drawn.questions:
            words = question.text.split(":")[0].rstrip("?").split()
            things = ("field", "road", "river", "lake", "marker")
            assert all(marks[thing] for thing in things if thing in words)
            if question.text.startswith("How many"):
                assert question.answer == str(marks["field"])
        for thing, (left, top, right, bottom) in drawn.sheet.marked:
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
            if thing in ("river", "lake"):
                wet = is_color(drawn, WATERS)
                # All but the legend's sample of it.
                assert wet[top:bottom, left:right].sum() > 0.95 * wet.sum()
                assert wet[top:bottom, left:right].mean() > 0.3
