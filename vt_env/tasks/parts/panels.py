"""Lettered panels: text set in the middle of a box, and the largest type that fits into one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from vt_env.tasks.composing import write_middle
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box

SMOOTH = 4
"""Curves are drawn this much larger and reduced."""
REFERENCES = (32, 16, 11)
"""Type sizes at which texts are measured: the smaller the type, the wider it is for its size."""


def write_centered(sheet: Sheet, box: Box, text: str, size: int, ink: Color | None = None) -> Box:
    """Writes a text with its ink, not its line, in the middle of a box; returns the ink's box."""
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return write_middle(sheet, middle, text, size, ink)


def largest_type(sheet: Sheet, texts: Sequence[str], width: int, height: int) -> int:
    """Largest type size at which each text fits into a box of this width and height."""
    fits = float("inf")
    for size in REFERENCES:
        for text in texts:
            mask, _ = sheet.lettering(text, size)
            fits = min(fits, size * width / sheet.measure(text, size)[0])
            fits = min(fits, size * height / mask.height)
        if fits >= size:
            break
    return int(fits)


def mixed(one: Color, other: Color, share: float) -> Color:
    """A colour with `share` of another in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def pick(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included; `low` where the room is too small."""
    return int(rng.integers(low, max(low, high) + 1))


def paste_shape(sheet: Sheet, box: Box, mask: Image.Image, color: Color) -> None:
    """Fills a mask (mode L, of the box's size) with a colour."""
    sheet.image.paste(color, (box[0], box[1]), mask)
