"""Instruments: answers against what is painted, needs, and layouts."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from vt_env.tasks.parts.dials import METAL, Pen, draw_clock, draw_gauge, draw_knob, draw_thermometer
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import draw_style
from vt_env.tasks.task import Box
from vt_env.tasks.world import Scene, draw_scene

CANVAS = 168
BOX: Box = (20, 20, 140, 140)


def scene(seed: int, canvas: int = CANVAS, novel: bool = False) -> Scene:
    return draw_scene(np.random.default_rng([6, seed]), canvas, (("instruments",),), novel)


def blank(seed: int, novel: bool = False) -> Sheet:
    rng = np.random.default_rng(seed)
    return Sheet(CANVAS, draw_style(rng, novel), rng)


def near(sheet: Sheet, at: tuple[float, float], color: tuple[int, int, int]) -> bool:
    pixel = sheet.image.getpixel((round(at[0]), round(at[1])))
    assert isinstance(pixel, tuple)
    return math.dist(pixel, color) < 30


def test_the_hour_hand_is_nearest_to_the_hour() -> None:
    hours = Counter()
    for seed in range(60):
        sheet = blank(seed)
        hour = int(draw_clock(sheet, BOX).answer)
        pen = Pen(sheet.draw, 80, 60)
        dark = [
            angle
            for angle in range(360)
            # the hour hand alone is this wide: its sides are dark at this radius
            if all(near(sheet, pen.at(angle + d, 0.4), sheet.style.ink) for d in (-6, 0, 6))
        ]
        assert dark
        assert all(abs((a - 30 * hour - 5 + 180) % 360 - 180) <= 12 for a in dark), (hour, dark)
        hours[hour] += 1
    assert len(hours) > 9


@pytest.mark.parametrize("novel", [False, True])
def test_the_needle_points_to_its_color(novel: bool) -> None:
    for seed in range(40):
        sheet = blank(seed, novel)
        answer = draw_gauge(sheet, BOX, ["red", "blue", "green"]).answer
        pen = Pen(sheet.draw, 80, 60)
        angles = [a for a in range(360) if near(sheet, pen.at(a, 0.5), sheet.style.ink)]
        turned = np.exp(1j * np.radians(angles)).sum()
        tip = float(np.degrees(np.angle(turned)))
        assert near(sheet, pen.at(tip, 0.86), sheet.style.colors[answer])


@pytest.mark.parametrize("novel", [False, True])
def test_the_knob_points_to_its_mark(novel: bool) -> None:
    for seed in range(40):
        sheet = blank(seed, novel)
        answer = draw_knob(sheet, BOX, ["red", "blue", "green", "yellow"]).answer
        pen = Pen(sheet.draw, 80, 60)
        light = [a for a in range(360) if not near(sheet, pen.at(a, 0.3), METAL)]
        angle = float(np.degrees(np.angle(np.exp(1j * np.radians(light)).sum())))
        assert near(sheet, pen.at(angle, 0.82), sheet.style.colors[answer])
        turned = abs((angle + 45) % 90 - 45)
        assert turned > 40 if novel else turned < 25


def test_the_thermometer_is_plainly_high_or_low() -> None:
    seen = Counter()
    for seed in range(60):
        sheet = blank(seed)
        answer = draw_thermometer(sheet, (60, 20, 100, 120)).answer
        filled = not near(sheet, (80, 55), (250, 250, 246))
        assert filled == (answer == "high")
        seen[answer] += 1
    assert min(seen.values()) > 18


@pytest.mark.parametrize("canvas", [112, 168, 224, 448, 1024])
@pytest.mark.parametrize("novel", [False, True])
def test_displays_show_their_numbers_apart_from_hatching(canvas: int, novel: bool) -> None:
    for seed in range(60 if canvas < 500 else 15):
        drawn = scene(seed, canvas, novel)
        numbers = [q for q in drawn.questions if q.text.startswith("What number")]
        written = {w.text: w for w in drawn.sheet.written}
        for question in numbers:
            ink = written[question.answer].box
            left, top, right, bottom = question.box
            assert left <= ink[0] and top <= ink[1] and ink[2] <= right and ink[3] <= bottom
            assert 10 <= int(question.answer) <= 99
        boxes = [w.box for w in drawn.sheet.written] + [a.box for a in drawn.sheet.hatched]
        for a, b in itertools.combinations(boxes, 2):
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for count in (q.answer for q in drawn.questions if q.text.startswith("How many")):
            assert int(count) == len(numbers)


def test_every_vent_and_display_is_told_by_a_color_of_its_own() -> None:
    for seed in range(60):
        drawn = scene(seed, 448)
        asked = [q.text.split(":")[0] for q in drawn.questions]
        assert len(set(asked)) == len(asked)
        told = [text.split()[5] for text in asked if text.startswith(("What number", "What patt"))]
        assert len(set(told)) == len(told)


def test_both_needs_occur_in_nearly_every_scene_and_for_the_same_question() -> None:
    scenes = [scene(seed) for seed in range(300)]
    needs = [{q.need.high_res for q in drawn.questions} for drawn in scenes]
    assert all(False in need for need in needs)
    assert np.mean([True in need for need in needs]) > 0.9
    shown = Counter(
        q.need.high_res
        for drawn in scenes
        for q in drawn.questions
        if q.text == "What number is on the display?"
    )
    assert min(shown[True], shown[False]) > 20


def test_displays_are_below_the_dials_unless_novel() -> None:
    for seed in range(40):
        tops = [w.box[1] for w in scene(seed).sheet.written]
        novel_tops = [w.box[1] for w in scene(seed, novel=True).sheet.written]
        assert all(top > CANVAS * 0.5 for top in tops)
        assert all(top < CANVAS * 0.4 for top in novel_tops)


@pytest.mark.parametrize("canvas", [112, 168, 448])
@pytest.mark.parametrize("novel", [False, True])
def test_things_that_are_asked_about_are_marked(canvas: int, novel: bool) -> None:
    named = {"clock": "hand", "temperature": "column"}
    named |= {thing: thing for thing in ("needle", "knob", "display", "panel")}
    for seed in range(60):
        drawn = scene(seed, canvas, novel)
        marked = Counter(thing for thing, _ in drawn.sheet.marked)
        for question in drawn.questions:
            for word, thing in named.items():
                assert word not in question.text or marked[thing], question
            if question.text == "How many displays are there?":
                assert marked["display"] == int(question.answer)
        for _, (left, top, right, bottom) in drawn.sheet.marked:
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
