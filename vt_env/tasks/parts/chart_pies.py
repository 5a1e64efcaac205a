"""Pie charts: whole or as a ring with a number in its middle; apart in the novel layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from vt_env.tasks.composing import (
    Point,
    graded_sizes,
    mark_around,
    smoothly,
    some_fine,
    two_digits,
    write_middle,
)
from vt_env.tasks.hatching import MARGIN
from vt_env.tasks.legibility import SMALL
from vt_env.tasks.parts.chart_frame import (
    draw_names,
    largest_type,
    legend_bound,
    legend_fits,
    write_legend,
    write_title,
)
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.task import Box, Question

SHARES = {
    2: ((0.22, 0.78), (0.3, 0.7), (0.38, 0.62)),
    3: ((0.22, 0.3, 0.48), (0.2, 0.35, 0.45), (0.16, 0.24, 0.6), (0.24, 0.3, 0.46)),
    4: ((0.12, 0.2, 0.28, 0.4), (0.14, 0.16, 0.25, 0.45)),
    5: ((0.1, 0.14, 0.18, 0.22, 0.36), (0.12, 0.13, 0.15, 0.18, 0.42)),
}
"""Shares of the slices, by their number; the largest is plainly the largest."""
LEAST = 1800
"""Area of the smallest slice, in pixels."""
INSET = 4
"""Pixels between a slice's edge and its hatching."""


@dataclass(frozen=True)
class Slice:
    """A slice: its colour, the middle of its circle, radii in pixels, and angles in degrees."""

    color: str
    center: Point
    hole: float
    radius: float
    start: float
    end: float


def draw_pie(sheet: Sheet) -> tuple[list[Question], list[str]]:
    """Draws a pie chart; its questions and its colours."""
    rng, side = sheet.rng, sheet.side
    count = 2 if side < 150 else int(rng.integers(2, 4 if side < 224 else 5 if side < 448 else 6))
    colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
    names = draw_names(sheet, count)
    ring = bool(rng.random() < 0.45)
    typed = ["title"] if rng.random() < 0.5 else []
    if (
        legend_fits(sheet, count)
        and rng.random() < 0.5
        and (side >= 300 or not typed + [""] * ring)
    ):
        typed.append("legend")
    hatch = not ring or (side >= 300 and rng.random() < 0.5)
    bounds = {"title": largest_type(sheet), "legend": legend_bound(sheet, count)}
    room: Box = (MARGIN - 4, 2, side - MARGIN + 4, side - 6)
    questions: list[Question] = []
    sizes = graded_sizes(sheet, [bounds[part] for part in typed], lost=False)
    for part, size in zip(typed, sizes, strict=True):
        if part == "title":
            room, asked = write_title(sheet, room, names, size)
            questions.append(asked)
        else:
            room, more = write_legend(sheet, room, colors, names, size)
            questions += more
    center, radius = _circle(sheet, room)
    hole = max(radius * 0.5, min(27.0, radius - 16)) if ring else 0.0
    slices = _slices(sheet, colors, center, radius, hole)
    _paint(sheet, slices)
    for piece in slices:
        _mark(sheet, piece)
    if hatch:
        for piece, fine in zip(slices, some_fine(sheet, count), strict=True):
            text = f"What pattern is on the {piece.color} slice?"
            questions.append(sheet.pattern_question(text, _hatch(sheet, piece, fine)))
    if ring:
        questions.append(_number(sheet, center, hole, lost=min(sizes, default=99) > SMALL))
    return questions + _plain(sheet, slices), colors


def _circle(sheet: Sheet, room: Box) -> tuple[Point, float]:
    """Middle and radius of the pie: as large as there is room, or a little smaller."""
    left, top, right, bottom = room
    top, bottom = max(top + 2, 8), min(bottom - 2, sheet.side - 8)
    half = min(right - left, bottom - top) / 2
    radius = math.floor(half * (1.0 if half < 80 else sheet.rng.uniform(0.85, 1.0)))
    slack = (right - left) / 2 - radius
    x = (left + right) / 2 + slack * float(sheet.rng.uniform(-0.6, 0.6))
    return (x, (top + bottom) / 2), radius


def _slices(
    sheet: Sheet, colors: Sequence[str], center: Point, radius: float, hole: float
) -> list[Slice]:
    """Draws the shares and where the first slice begins."""
    rng, count = sheet.rng, len(colors)
    area = math.pi * (radius**2 - hole**2)
    fit = [s for s in SHARES[count] if min(s) * area >= LEAST] or [SHARES[count][-1]]
    shares = rng.permutation(fit[int(rng.integers(len(fit)))])
    apart = radius * 0.07 if sheet.style.novel else 0.0
    start = float(rng.uniform(0, 360))
    slices = []
    for color, share in zip(colors, shares, strict=True):
        end = start + 360 * float(share)
        middle = math.radians((start + end) / 2)
        x, y = center[0] + apart * math.cos(middle), center[1] + apart * math.sin(middle)
        slices.append(Slice(color, (x, y), max(0.0, hole - apart), radius - apart, start, end))
        start = end
    return slices


def _paint(sheet: Sheet, slices: Sequence[Slice]) -> None:
    """Paints the slices with smooth edges."""
    left = max(0, int(min(s.center[0] - s.radius for s in slices)) - 2)
    top = max(0, int(min(s.center[1] - s.radius for s in slices)) - 2)
    right = min(sheet.side, int(max(s.center[0] + s.radius for s in slices)) + 3)
    bottom = min(sheet.side, int(max(s.center[1] + s.radius for s in slices)) + 3)

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        for s in slices:
            draw.pieslice(
                _around(s, s.radius, (left, top), factor),
                s.start,
                s.end,
                fill=sheet.style.colors[s.color],
            )
        for s in slices:
            if s.hole:
                hole = _around(s, s.hole, (left, top), factor)
                draw.pieslice(hole, s.start, s.end, fill=sheet.style.paper)

    smoothly(sheet, (left, top, right, bottom), paint)


def _mark(sheet: Sheet, piece: Slice) -> None:
    """Marks the part of a slice around its middle; boxes of whole slices would overlap."""
    half = math.radians((piece.end - piece.start) / 2)
    along = math.radians((piece.start + piece.end) / 2)
    out = (piece.hole + piece.radius) / 2 if piece.hole else piece.radius * 0.6
    middle = (piece.center[0] + out * math.cos(along), piece.center[1] + out * math.sin(along))
    broad = 0.7 * out * math.sin(min(half, math.pi / 2))
    reach = min(piece.radius / 3, (piece.radius - piece.hole) / 2, broad)
    mark_around(sheet, "slice", [middle], max(piece.radius / 6, reach))


def _around(
    piece: Slice, radius: float, origin: tuple[int, int], factor: int
) -> tuple[float, float, float, float]:
    """Box of a circle around a slice's middle, enlarged."""
    x, y = piece.center[0] - origin[0], piece.center[1] - origin[1]
    return _circle_box((x * factor, y * factor), radius * factor)


def _hatch(sheet: Sheet, piece: Slice, fine: bool) -> int:
    """Hatches a slice within its edges."""
    x, y = piece.center
    reach = piece.radius - INSET
    left, top = (max(MARGIN, int(v - reach) // 2 * 2) for v in (x, y))
    last = (sheet.side - MARGIN) // 2 * 2
    right, bottom = (min(last, int(v + reach + 2) // 2 * 2) for v in (x, y))
    mask = Image.new("L", (right - left, bottom - top), 0)
    half = math.radians((piece.end - piece.start) / 2)
    along = math.radians((piece.start + piece.end) / 2)
    shift = INSET / max(0.3, math.sin(half))  # the same distance from both straight edges
    tip = (x - left + shift * math.cos(along), y - top + shift * math.sin(along))
    wide = _circle_box(tip, 2 * piece.radius)
    ImageDraw.Draw(mask).pieslice(wide, piece.start, piece.end, fill=255)
    disc = Image.new("L", mask.size, 0)
    pen = ImageDraw.Draw(disc)
    pen.ellipse(_circle_box((x - left, y - top), reach), fill=255)
    if piece.hole:
        pen.ellipse(_circle_box((x - left, y - top), piece.hole + INSET), fill=0)
    mask = ImageChops.darker(mask, disc)
    ink = mask.getbbox() or (0, 0, 2, 2)
    tight = (ink[0] // 2 * 2, ink[1] // 2 * 2, (ink[2] + 1) // 2 * 2, (ink[3] + 1) // 2 * 2)
    box = (left + tight[0], top + tight[1], left + tight[2], top + tight[3])
    return sheet.hatch(box, mask=mask.crop(tight), fine=fine)


def _circle_box(middle: Point, radius: float) -> tuple[float, float, float, float]:
    """Box of a circle."""
    return middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius


def _number(sheet: Sheet, center: Point, hole: float, lost: bool) -> Question:
    """Writes a number in the middle of the ring."""
    number = two_digits(sheet, 1)[0]
    bound = max(10, min(largest_type(sheet) * 2, int(hole * 1.25)))
    size = graded_sizes(sheet, [bound], lost=lost and bool(sheet.rng.random() < 0.4))[0]
    box = write_middle(sheet, center, number, size)
    return sheet.text_question("What number is in the middle?", number, box, [size])


def _plain(sheet: Sheet, slices: Sequence[Slice]) -> list[Question]:
    """Questions that need no high resolution."""
    whole: Box = (0, 0, sheet.side, sheet.side)
    largest = max(slices, key=lambda s: s.end - s.start).color
    return [
        sheet.plain_question("What color is the largest slice?", largest, whole),
        sheet.plain_question("How many slices are there?", str(len(slices)), whole),
    ]
