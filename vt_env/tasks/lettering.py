"""Lettering: Pillow's own font and variations of it, so that every machine draws the same bytes."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

OVERSAMPLING = 4
"""Variations are drawn this much larger, bent, and reduced."""


@dataclass(frozen=True)
class Face:
    """A variation of the font.

    Attributes:
        stretch: Width, as a share of the usual.
        slant: Pixels to the right for a pixel of height.
        weight: Thickness added to every stroke, in quarters of a pixel.
    """

    stretch: float = 1.0
    slant: float = 0.0
    weight: int = 0


REGULAR = Face()
FACES = (REGULAR, REGULAR, REGULAR, Face(stretch=1.1), Face(weight=1), Face(stretch=0.96))
"""Faces of the train, validation and test splits, by how often they are drawn."""
NOVEL_FACES = (Face(slant=0.2), Face(stretch=0.88), Face(slant=-0.12, weight=1))
"""Faces of the generalisation split, never trained on."""


@functools.lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont:
    loaded = ImageFont.load_default(size)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded.font_variant(layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=16384)  # 17 MB of masks on images of 224 pixels, 150 MB on 2048
def lettering(text: str, size: int, face: Face = REGULAR) -> tuple[Image.Image, tuple[int, int]]:
    """Draws a text as a mask, cropped to its ink.

    Args:
        text: One line.
        size: Type size, in pixels.
        face: Variation of the font.

    Returns:
        The mask (mode L), and where its left top corner lies, in pixels from the left top corner
        of the line.
    """
    factor = 1 if face == REGULAR else OVERSAMPLING
    font = _font(size * factor)
    _, top, right, bottom = font.getbbox(text, stroke_width=face.weight)
    lean = abs(face.slant) * (bottom - top)
    width, height = int(right + lean) + 3 * factor, int(bottom) + 2 * factor
    mask = Image.new("L", (width, height), 0)
    origin = lean if face.slant < 0 else 0
    ImageDraw.Draw(mask).text(
        (origin, 0), text, fill=255, font=font, stroke_width=face.weight, stroke_fill=255
    )
    if factor > 1:
        mask = _bent(mask, face)
    ink = mask.getbbox()
    if ink is None:  # only white space
        return mask.crop((0, 0, 1, 1)), (0, 0)
    return mask.crop(ink), (ink[0], ink[1])


def _bent(mask: Image.Image, face: Face) -> Image.Image:
    """Slants and stretches an enlarged mask, and reduces it to its final size."""
    width, height = mask.size
    if face.slant:
        data = (1.0, face.slant, -max(0.0, face.slant) * height, 0.0, 1.0, 0.0)
        mask = mask.transform(mask.size, Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    size = (
        max(1, round(width * face.stretch / OVERSAMPLING)),
        max(1, round(height / OVERSAMPLING)),
    )
    return mask.resize(size, Image.Resampling.BOX)


def line_height(size: int) -> int:
    """Pixels from the top of a line to the bottom of its descenders."""
    ascent, descent = _font(size).getmetrics()
    return ascent + descent
