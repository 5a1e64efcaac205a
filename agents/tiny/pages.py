"""Pages of type for the vision tower to read beside scenes: lists, lines, and amid clutter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.tiny.marks import Tie
from vt_env.tasks import Box, Sheet
from vt_env.tasks.legibility import TOKEN
from vt_env.tasks.lettering import REGULAR, Face
from vt_env.tasks.style import Color, Style, draw_style
from vt_env.tasks.vocabulary import ITEMS

SIZES = (10, 10, 10, 11, 11, 12, 13, 14, 16, 20, 26, 32, 36)
"""Type sizes of pages, by how often they are drawn; small type takes the most learning."""
WORD_SHARE = 0.25
LISTED_SHARE, LINED_SHARE = 0.3, 0.3
"""Chances that a page is a list, or lines of type, as against type amid clutter."""
LIST_SIZES = (10, 10, 10, 11, 11, 12, 14, 17, 22, 28)
PLATES = (0.3, 0.2, 0.4, 0.1)
"""Chances that type stands on paper, white, a colour, and dark."""
WHITE, LIGHT = (255, 255, 255), 360
"""Type is white where the three channels below it add up to less, more or less."""
FACES = tuple(
    Face(stretch, slant, weight)
    for stretch in (0.92, 0.96, 1.0, 1.05, 1.1)
    for slant in (-0.06, 0.0, 0.06, 0.12)
    for weight in (0, 1)
)
"""Faces of pages; none is one of the generalisation split."""


@dataclass(frozen=True)
class Page:
    """A page: what it was drawn on, and what its numbers belong to."""

    sheet: Sheet
    ties: tuple[Tie, ...] = ()


def draw_page(rng: np.random.Generator, canvas: int) -> Page:
    """Draws a page of two-digit numbers and words: a list, lines, or texts amid clutter.

    Args:
        rng: The only source of randomness.
        canvas: Side of the page, in pixels.
    """
    sheet = Sheet(canvas, _draw_style(rng), rng)
    kind = rng.random()
    if kind < LISTED_SHARE:
        return Page(sheet, _write_list(sheet, rng))
    if kind < LISTED_SHARE + LINED_SHARE:
        _write_lines(sheet, rng)
    else:
        _clutter(sheet, rng)
        _scatter(sheet, rng)
    return Page(sheet)


def _draw_style(rng: np.random.Generator) -> Style:
    """A style with more faces, papers and inks than scenes have, so that reading carries over."""
    face = REGULAR if rng.random() < 0.4 else FACES[int(rng.integers(len(FACES)))]
    paper, ink = rng.integers(205, 256, size=3), rng.integers(0, 80, size=3)
    return replace(
        draw_style(rng, novel=False), face=face, fine_face=face, paper=_rgb(paper), ink=_rgb(ink)
    )


def _draw_shade(sheet: Sheet, rng: np.random.Generator) -> Color:
    """A named colour, or any of middling brightness."""
    if rng.random() < 0.5:
        return _rgb(rng.integers(50, 211, size=3))
    return list(sheet.style.colors.values())[int(rng.integers(len(sheet.style.colors)))]


def _draw_ink(sheet: Sheet, rng: np.random.Generator, below: Color) -> Color:
    """White on dark, dark on light, and either on what lies between."""
    return WHITE if sum(below) < LIGHT + int(rng.integers(-90, 91)) else sheet.style.ink


def _rgb(values: NDArray[np.int64]) -> Color:
    red, green, blue = (int(v) for v in values)
    return red, green, blue


def _write_list(sheet: Sheet, rng: np.random.Generator) -> tuple[Tie, ...]:
    """Columns of rows with an item at one end and its number at the other, as on a receipt."""
    side, size = sheet.side, int(rng.choice(LIST_SIZES))
    apart = int(size * rng.uniform(1.0, 4.0))
    wide = min(sheet.measure("Soap00", size)[0] + apart, side - 4)
    height = sheet.measure("0", size)[1]
    step = max(height, TOKEN) + int(rng.integers(0, 9))
    mirrored, ruled = bool(rng.random() < 0.5), bool(rng.random() < 0.4)
    first = int(rng.integers(2, min(side // 3, side - wide - 1) + 1))
    ties = []
    for left in range(first, side - wide, wide + apart + size):
        for y in range(int(rng.integers(2, side // 4)), side - height, step):
            item, number = str(rng.choice(ITEMS)), str(int(rng.integers(10, 100)))
            ends = (number, item) if mirrored else (item, number)
            sheet.write(left, y, ends[0], size)
            sheet.write(left + wide, y, ends[1], size, anchor="r")
            ties.append(Tie(item.lower(), sheet.written[-2 if mirrored else -1]))
            if ruled:
                line = (left, y + height, left + wide, y + height)
                sheet.draw.line(line, fill=sheet.style.ink)
    return tuple(ties)


def _write_lines(sheet: Sheet, rng: np.random.Generator) -> None:
    """Lines of type, some on dark or coloured bands."""
    y, side = int(rng.integers(0, 7)), sheet.side
    while y < side - 14:
        size = int(rng.choice(SIZES))
        size = size if y + size * 1.3 < side else min(SIZES)
        height = sheet.measure("0", size)[1]
        if y + height > side:
            return
        ink = sheet.style.ink
        if rng.random() < 0.3:  # a dark or coloured band with light type
            shade = sheet.style.ink if rng.random() < 0.2 else _draw_shade(sheet, rng)
            sheet.draw.rectangle((0, y, side, y + height), fill=shade)
            ink = _draw_ink(sheet, rng, shade)
        _write_line(sheet, rng, y, size, ink)
        y += height + int(rng.integers(0, 9))


def _write_line(sheet: Sheet, rng: np.random.Generator, y: int, size: int, ink: Color) -> None:
    x = int(rng.integers(0, 21))
    while True:
        text = _draw_text(rng)
        if x + sheet.measure(text, size)[0] > sheet.side:
            return
        sheet.write(x, y, text, size, ink)
        x += sheet.measure(text, size)[0] + int(rng.integers(5, 31))


def _draw_text(rng: np.random.Generator) -> str:
    word = rng.random() < WORD_SHARE
    return str(rng.choice(ITEMS)) if word else str(int(rng.integers(10, 100)))


def _clutter(sheet: Sheet, rng: np.random.Generator) -> None:
    """Shapes of any size and shade, as the surroundings of type in a scene."""
    for _ in range(int(rng.integers(0, 12))):
        x, y = (int(v) for v in rng.integers(-10, sheet.side, size=2))
        wide, tall = (int(v) for v in rng.integers(2, sheet.side // 2, size=2))
        box = (x, y, x + wide, y + tall)
        shades = (sheet.style.ink, WHITE, *(_draw_shade(sheet, rng) for _ in range(4)))
        shade = shades[int(rng.integers(len(shades)))]
        draw = (sheet.draw.rectangle, sheet.draw.ellipse)[int(rng.integers(2))]
        kind = int(rng.integers(3))
        if kind == 0:
            sheet.draw.line(box, fill=shade, width=int(rng.integers(1, 4)))
        elif kind == 1:
            draw(box, outline=shade, width=int(rng.integers(1, 4)))
        else:
            draw(box, fill=shade)


def _scatter(sheet: Sheet, rng: np.random.Generator) -> None:
    """Texts anywhere, each on a plate of its own."""
    taken: list[Box] = []
    for _ in range(sheet.side // 4):
        text, size = _draw_text(rng), int(rng.choice(SIZES))
        wide, tall = sheet.measure(text, size)
        pad = int(rng.integers(1, 7))
        if max(wide, tall) + 2 * pad >= sheet.side:
            continue
        x, y = (int(rng.integers(pad, sheet.side - v - pad)) for v in (wide, tall))
        plate = (x - pad, y - pad, x + wide + pad, y + tall + pad)
        if any(_touch(plate, other) for other in taken):
            continue
        taken.append(plate)
        shades = (sheet.style.paper, WHITE, _draw_shade(sheet, rng), sheet.style.ink)
        shade = shades[int(rng.choice(len(shades), p=PLATES))]
        _draw_plate(sheet, rng, plate, shade)
        sheet.write(x, y, text, size, _draw_ink(sheet, rng, shade))


def _draw_plate(sheet: Sheet, rng: np.random.Generator, box: Box, shade: Color) -> None:
    """A plate with or without a rim, its corners sharp or round."""
    rim = sheet.style.ink if rng.random() < 0.5 else _draw_shade(sheet, rng)
    width = int(rng.integers(0, 4))
    radius = int(rng.integers(0, (box[3] - box[1]) // 2))
    sheet.draw.rounded_rectangle(box, radius, fill=shade, outline=rim, width=width)


def _touch(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
