"""Instruments with a pointer or a level: clock, gauge, knob, thermometer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import ImageDraw

from vt_env.tasks.composing import Point, mark_around, smoothly, write_middle
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

FACE: Color = (250, 250, 246)
METAL: Color = (152, 154, 160)
MINUTES = (0, 5, 10, 15, 20)
"""Early in the hour, so that the hour hand is nearest to the hour that is shown."""
MOST_TURNED = 20.0
"""Degrees that a knob's marks are turned by at most; the novel layout turns them by 45."""
NUMERALS = 100
"""Least radius in pixels of a clock with numerals."""


class Pen:
    """Draws in a square around a middle, in shares of the radius.

    Args:
        draw: What to draw with.
        middle: The middle, in pixels of `draw`.
        radius: The radius, in pixels of `draw`.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, middle: float, radius: float) -> None:
        self.draw, self.middle, self.radius = draw, middle, radius

    def at(self, angle: float, share: float) -> Point:
        """The point at an angle (degrees clockwise from the top) and a share of the radius."""
        turned = math.radians(angle - 90)
        reach = share * self.radius
        return self.middle + reach * math.cos(turned), self.middle + reach * math.sin(turned)

    def disc(self, share: float, fill: Color) -> None:
        """A disc around the middle."""
        self.dot((self.middle, self.middle), share, fill)

    def dot(self, at: Point, share: float, fill: Color) -> None:
        """A disc around a point."""
        reach = share * self.radius
        self.draw.ellipse((at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach), fill=fill)

    def tick(self, angle: float, start: float, end: float, thick: float, fill: Color) -> None:
        """A straight mark from one share of the radius to another."""
        ends = self.at(angle, start), self.at(angle, end)
        self.draw.line(ends, fill=fill, width=max(1, round(thick * self.radius)))

    def hand(self, angle: float, start: float, end: float, thick: float, fill: Color) -> None:
        """A mark with round ends."""
        self.tick(angle, start, end, thick, fill)
        self.dot(self.at(angle, start), thick / 2, fill)
        self.dot(self.at(angle, end), thick / 2, fill)

    def needle(self, angle: float, end: float, thick: float, fill: Color) -> None:
        """A pointed needle from the middle."""
        foot = self.at(angle - 90, thick / 2), self.at(angle + 90, thick / 2)
        self.draw.polygon((*foot, self.at(angle, end)), fill=fill)

    def band(self, start: float, end: float, share: float, fill: Color) -> None:
        """A sector, in degrees clockwise from the top."""
        reach = share * self.radius
        low, high = self.middle - reach, self.middle + reach
        self.draw.pieslice((low, low, high, high), start - 90, end - 90, fill=fill)


def draw_clock(sheet: Sheet, box: Box) -> Question:
    """Draws a clock; the question for its hour."""
    rng = sheet.rng
    hour, minute = int(rng.integers(1, 13)), int(rng.choice(MINUTES))
    ink = sheet.style.ink
    shade = list(sheet.style.colors.values())[int(rng.integers(len(sheet.style.colors)))]
    rim = (ink, METAL, shade)[int(rng.integers(3))]
    marks = int(rng.choice((4, 12)))
    radius = (box[2] - box[0]) / 2

    def paint_face(draw: ImageDraw.ImageDraw, factor: int) -> None:
        pen = Pen(draw, radius * factor, radius * factor)
        pen.disc(1.0, rim)
        pen.disc(0.9, FACE)
        for mark in range(marks):
            long = mark * 12 // marks % 3 == 0
            start, thick = (0.74, 0.05) if long else (0.8, 0.03)
            pen.tick(mark * 360 / marks, start, 0.83, thick, ink)

    def paint_hands(draw: ImageDraw.ImageDraw, factor: int) -> None:
        pen = Pen(draw, radius * factor, radius * factor)
        pen.hand(30 * (hour + minute / 60), -0.08, 0.46, 0.13, ink)
        pen.hand(6 * minute, -0.12, 0.7, 0.055, ink)
        pen.disc(0.09, ink)

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        paint_face(draw, factor)
        paint_hands(draw, factor)

    if radius < NUMERALS:
        smoothly(sheet, box, paint)
    else:
        smoothly(sheet, box, paint_face)
        _write_numerals(sheet, box, radius)
        smoothly(sheet, box, paint_hands)
    _mark_hand(sheet, "hand", box, 30 * (hour + minute / 60), 0.46, 0.065)
    return sheet.plain_question("What hour does the clock show?", str(hour), box)


def _write_numerals(sheet: Sheet, box: Box, radius: float) -> None:
    """Writes four numerals on a clock's face."""
    origin = Pen(sheet.draw, 0, radius)
    for number in (3, 6, 9, 12):
        x, y = origin.at(30 * number, 0.6)
        at = (x + (box[0] + box[2]) / 2, y + (box[1] + box[3]) / 2)
        write_middle(sheet, at, str(number), round(radius * 0.18))


def _mark_hand(sheet: Sheet, thing: str, box: Box, angle: float, end: float, reach: float) -> None:
    """Marks a pointer from the middle of its dial to its tip; all in shares of the radius."""
    radius = (box[2] - box[0]) / 2
    x, y = Pen(sheet.draw, radius, radius).at(angle, end)
    points = [(box[0] + radius, box[1] + radius), (box[0] + x, box[1] + y)]
    mark_around(sheet, thing, points, reach * radius)


def draw_gauge(sheet: Sheet, box: Box, colors: Sequence[str]) -> Question:
    """Draws a gauge with a coloured arc; the question for where its needle points."""
    rng, ink = sheet.rng, sheet.style.ink
    sweep = 240 / len(colors)
    first = -120.0  # open at the bottom
    if sheet.style.mirrored:  # open at the left, or at the right
        first = -30.0 if sheet.style.novel else -210.0
    chosen = int(rng.integers(len(colors)))
    angle = first + sweep * (chosen + float(rng.uniform(0.25, 0.75)))
    radius = (box[2] - box[0]) / 2

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        pen = Pen(draw, radius * factor, radius * factor)
        pen.disc(1.0, ink)
        pen.disc(0.96, FACE)
        for number, color in enumerate(colors):
            start = first + sweep * number
            pen.band(start, start + sweep, 0.9, sheet.style.colors[color])
        pen.disc(0.55, FACE)
        pen.needle(angle, 0.8, 0.16, ink)
        pen.disc(0.15, ink)

    smoothly(sheet, box, paint)
    _mark_hand(sheet, "needle", box, angle, 0.8, 0.08)
    return sheet.plain_question("What color does the needle point to?", colors[chosen], box)


def draw_knob(sheet: Sheet, box: Box, colors: Sequence[str]) -> Question:
    """Draws a knob among coloured marks; the question for the one that it points to."""
    rng, ink = sheet.rng, sheet.style.ink
    chosen = int(rng.integers(len(colors)))
    first = 45.0 if sheet.style.novel else float(rng.uniform(-MOST_TURNED, MOST_TURNED))
    turn = 360 / len(colors)
    radius = (box[2] - box[0]) / 2

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        pen = Pen(draw, radius * factor, radius * factor)
        for number, color in enumerate(colors):
            pen.dot(pen.at(first + turn * number, 0.82), 0.17, sheet.style.colors[color])
        pen.disc(0.58, ink)
        pen.disc(0.52, METAL)
        pen.hand(first + turn * chosen, 0.1, 0.44, 0.14, FACE)

    smoothly(sheet, box, paint)
    _mark_hand(sheet, "knob", box, 0.0, 0.0, 0.58)
    return sheet.plain_question("What color does the knob point to?", colors[chosen], box)


def draw_thermometer(sheet: Sheet, box: Box) -> Question:
    """Draws a thermometer that is plainly high or low; the question for which."""
    rng, ink = sheet.rng, sheet.style.ink
    high = bool(rng.random() < 0.5)
    level = float(rng.uniform(0.7, 0.95) if high else rng.uniform(0.05, 0.3))
    names = list(sheet.style.colors)
    fluid = sheet.style.colors[names[int(rng.integers(len(names)))]]
    marks = int(rng.integers(4, 8))
    width, height = box[2] - box[0], box[3] - box[1]
    tube = min(width * 0.42, height * 0.17)
    bulb = tube * 0.95
    line = max(1.5, tube / 10)

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        x, foot = width / 2, height - bulb
        for shade, less in ((ink, 0.0), (FACE, line)):
            side = tube / 2 - less
            shape = [(x - side) * factor, less * factor, (x + side) * factor, foot * factor]
            draw.rounded_rectangle(shape, radius=side * factor, fill=shade)
            if not less:
                ball = [(x - bulb) * factor, (foot - bulb) * factor]
                ball += [(x + bulb) * factor, (foot + bulb) * factor]
                draw.ellipse(ball, fill=shade)
        side, round_ = tube / 2 - 2 * line, bulb - line
        full = foot - bulb - tube / 2
        top = foot - bulb * 0.9 - level * full
        draw.rectangle([v * factor for v in (x - side, top, x + side, foot)], fill=fluid)
        ball = [v * factor for v in (x - round_, foot - round_, x + round_, foot + round_)]
        draw.ellipse(ball, fill=fluid)
        for mark in range(marks):
            y = tube / 2 + (foot - bulb - tube / 2) * mark / (marks - 1)
            ends = [v * factor for v in (x + tube / 2, y, x + tube * 0.85, y)]
            draw.line(ends, fill=ink, width=round(line * factor))

    smoothly(sheet, box, paint)
    top = height - bulb - bulb * 0.9 - level * (height - 2 * bulb - tube / 2)
    fluid_ends = [(box[0] + width / 2, box[1] + top + bulb), (box[0] + width / 2, box[3] - bulb)]
    mark_around(sheet, "column", fluid_ends, bulb)
    answer = "high" if high else "low"
    return sheet.plain_question("Is the temperature high or low?", answer, box)
