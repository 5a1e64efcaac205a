"""Dense supervision for the vision tower: what is written or hatched in every visual token.

Type of ten pixels is not learned from answers alone in any useful time. Asking for every visual
token which digits and words have their centre in it, and which pattern, colours and things cover
it, teaches the tower to read in minutes. Pages full of type come first; scenes know their marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vt_env.tasks.base import Box
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.lettering import REGULAR, Face
from vt_env.tasks.sheet import Sheet, Written
from vt_env.tasks.style import COLORS, Color, Style, draw_style
from vt_env.tasks.vocabulary import ITEMS, THINGS

DIGITS = 20
"""Ten digits in the first place of a number, ten in the second."""
TEXTS = DIGITS + len(ITEMS)
PAINTED = TEXTS + len(PATTERNS) - 1
NAMED = PAINTED + len(COLORS)
MARK_CLASSES = NAMED + len(THINGS)
"""Digits, words, the patterns that are not plain, the named colours, and things."""
COVER, STRIDE = 0.15, 2
"""Share of a token that a colour covers to count, looked at in every other pixel."""
SIZES = (10, 10, 10, 11, 11, 12, 13, 14, 16, 20, 26, 32, 36)
"""Type sizes of pages, by how often they are drawn; small type takes the most learning."""
LEGIBLE = 8
"""Type of fewer pixels than this, as shown, is asked of nobody."""
WORD_SHARE = 0.25
LINED_SHARE = 0.5
"""Chance that a page is lines of type, as against type amid clutter."""
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


def draw_page(rng: np.random.Generator, canvas: int) -> Sheet:
    """Draws a page of two-digit numbers and words in mixed sizes: in lines, or amid clutter.

    Args:
        rng: The only source of randomness.
        canvas: Side of the page, in pixels.
    """
    sheet = Sheet(canvas, _draw_style(rng), rng)
    if rng.random() < LINED_SHARE:
        _write_lines(sheet, rng)
    else:
        _clutter(sheet, rng)
        _scatter(sheet, rng)
    return sheet


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
        draw = (sheet.draw.rectangle, sheet.draw.ellipse)[int(rng.random() < 0.2)]
        draw(plate, fill=shade, outline=sheet.style.ink if rng.random() < 0.3 else None)
        sheet.write(x, y, text, size, _draw_ink(sheet, rng, shade))


def _touch(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]


def mark_targets(sheet: Sheet, shown: int, block: int) -> NDArray[np.float32]:
    """Which marks each visual token holds.

    Args:
        sheet: The page or scene.
        shown: Side of the view of it, in pixels.
        block: Side of a visual token, in pixels of the view.

    Returns:
        float32 of shape (tokens, MARK_CLASSES), zeros and ones, row by row.
    """
    grid = shown // block
    targets = np.zeros((grid, grid, MARK_CLASSES), dtype=np.float32)
    cell = sheet.side / grid
    for written in sheet.written:
        if written.size * block / cell < LEGIBLE:
            continue
        for x, y, label in _glyphs(written):
            targets[int(y / cell), int(x / cell), label] = 1.0
    middles = (np.arange(grid) + 0.5) * cell
    for area in sheet.hatched:
        left, top, right, bottom = area.box
        lost = area.fine and shown < sheet.side
        if area.pattern == PATTERNS[-1] or lost or area.mask is not None:
            continue
        rows = (middles > top) & (middles < bottom)
        columns = (middles > left) & (middles < right)
        label = TEXTS + PATTERNS.index(area.pattern)
        targets[rows[:, None] & columns[None, :], label] = 1.0
    targets[:, :, PAINTED:NAMED] = _painted(sheet, grid)
    targets[:, :, NAMED:] = _things(sheet, grid)
    return targets.reshape(grid * grid, MARK_CLASSES)


def _painted(sheet: Sheet, grid: int) -> NDArray[np.float32]:
    """Which named colours each token is painted with, (grid, grid, colours)."""
    pixels = np.asarray(sheet.image)[::STRIDE, ::STRIDE].astype(np.int16)
    cell = pixels.shape[0] // grid
    pixels = pixels[: grid * cell, : grid * cell]
    painted = np.zeros((grid, grid, len(sheet.style.colors)), dtype=np.float32)
    for label, color in enumerate(sheet.style.colors.values()):
        near = (np.abs(pixels - np.array(color, dtype=np.int16)) < 10).all(axis=2)
        share = near.reshape(grid, cell, grid, cell).mean(axis=(1, 3))
        painted[:, :, label] = share > COVER
    return painted


def _things(sheet: Sheet, grid: int) -> NDArray[np.float32]:
    """Which things each token shows, (grid, grid, things): those it is covered by, and middles."""
    shown = np.zeros((grid, grid, len(THINGS)), dtype=np.float32)
    scale = grid / sheet.side
    for thing, box in sheet.marked:
        label = THINGS.index(thing)
        left, top, right, bottom = (v * scale for v in box)
        shown[round(top) : round(bottom), round(left) : round(right), label] = 1.0
        shown[int((top + bottom) / 2), int((left + right) / 2), label] = 1.0
    return shown


def _glyphs(written: Written) -> Iterator[tuple[float, float, int]]:
    """Middle of each thing to be read in a text, in pixels, and its class."""
    left, top, right, bottom = written.box
    y = (top + bottom) / 2
    if len(written.text) == 2 and written.text.isdigit():
        yield left + (right - left) / 4, y, int(written.text[0])
        yield left + (right - left) * 3 / 4, y, 10 + int(written.text[1])
    elif written.text in ITEMS:
        yield (left + right) / 2, y, DIGITS + ITEMS.index(written.text)
