"""Family ``numbers``: a two-digit number; its size decides whether the low view is enough."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vt_env.tasks.base import Box, Element, Question

SIZES = {"need": (13, 15), "margin": (18, 28), "enough": (34, 42)}
"""Font sizes in pixels of the original, both ends included, by band."""
BAND_SHARES = {"need": 0.4, "margin": 0.2, "enough": 0.4}


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow itself ships, so that every machine draws the same bytes."""
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


class NumbersTask:
    """Two-digit numbers from large to small. Question: what number it is."""

    name = "numbers"

    def draw(self, canvas: Image.Image, box: Box, rng: np.random.Generator) -> Element:
        """Draws one number at a random place of `box`."""
        band = str(rng.choice(list(SIZES), p=list(BAND_SHARES.values())))
        low, high = SIZES[band]
        size = int(rng.integers(low, high + 1))
        text = f"{int(rng.integers(0, 100)):02d}"
        ink = tuple(int(c) for c in rng.integers(0, 90, size=3))
        left, top, right, bottom = font(size).getbbox(text)
        x = int(rng.integers(box[0] + 1, box[2] - int(right - left) - 1))
        y = int(rng.integers(box[1] + 1, box[3] - int(bottom - top) - 1))
        ImageDraw.Draw(canvas).text((x - left, y - top), text, fill=ink, font=font(size))
        need = {"need": True, "margin": None, "enough": False}[band]
        question = Question("What number is shown?", text, "integer")
        return Element(self.name, (question,), need, f"{size}-pixel type: {band}")
