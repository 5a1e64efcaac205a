"""Pages full of numbers, with the place of every glyph: dense supervision for the vision tower.

Two-digit numbers of 10 to 30 pixels are not learned from answers alone in any useful time. Asking
for every visual token which digits have their centre in it teaches the tower to read in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vt_env.tasks.numbers import font

GLYPH_CLASSES = 20
"""Ten digits in the first place of a number, ten in the second."""
SIZES = (10, 11, 12, 13, 14, 16, 18, 20, 24, 28, 34, 38, 42)


@dataclass(frozen=True)
class Glyph:
    """Centre of a glyph in pixels, and its class."""

    x: float
    y: float
    label: int


@dataclass(frozen=True)
class Page:
    """An image full of numbers, and where each digit is."""

    image: Image.Image
    glyphs: tuple[Glyph, ...]


def draw_page(rng: np.random.Generator, canvas: int) -> Page:
    """Draws lines of two-digit numbers in mixed sizes and inks.

    Args:
        rng: The only source of randomness.
        canvas: Side of the page, in pixels.
    """
    background = tuple(int(c) for c in rng.integers(225, 256, size=3))
    image = Image.new("RGB", (canvas, canvas), background)
    draw = ImageDraw.Draw(image)
    glyphs: list[Glyph] = []
    y = int(rng.integers(0, 7))
    while y < canvas - 12:
        size = int(rng.choice(SIZES))
        if y + size * 1.2 > canvas:
            size = SIZES[0]
        glyphs += _draw_line(draw, rng, canvas, y, size)
        y += int(size * 1.25) + int(rng.integers(2, 15))
    return Page(image, tuple(glyphs))


def _draw_line(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, canvas: int, y: int, size: int
) -> list[Glyph]:
    face, glyphs = font(size), []
    x = int(rng.integers(0, 21))
    while x < canvas - 1.2 * size:
        tens, units = (int(d) for d in rng.integers(0, 10, size=2))
        ink = tuple(int(c) for c in rng.integers(0, 90, size=3))
        draw.text((x, y), f"{tens}{units}", fill=ink, font=face)
        first, second = face.getlength(str(tens)), face.getlength(str(units))
        middle = y + size * 0.62
        glyphs.append(Glyph(x + first / 2, middle, tens))
        glyphs.append(Glyph(x + first + second / 2, middle, 10 + units))
        x += int(first + second) + int(rng.integers(6, 41))
    return [glyph for glyph in glyphs if glyph.x < canvas and glyph.y < canvas]


def glyph_targets(page: Page, grid: int, cell: float) -> NDArray[np.float32]:
    """Which glyph classes have their centre in which visual token.

    Args:
        page: The page.
        grid: Tokens a side.
        cell: Pixels of the page that a token covers, a side.

    Returns:
        float32 of shape (grid * grid, GLYPH_CLASSES), zeros and ones, row by row.
    """
    targets = np.zeros((grid * grid, GLYPH_CLASSES), dtype=np.float32)
    for glyph in page.glyphs:
        row, column = (min(grid - 1, int(v / cell)) for v in (glyph.y, glyph.x))
        targets[row * grid + column, glyph.label] = 1.0
    return targets
