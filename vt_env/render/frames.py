"""An episode as a picture: the images shown, and the turns below them."""

from __future__ import annotations

import functools
import textwrap

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vt_env.episode import Episode
from vt_env.images.views import resample
from vt_env.render.transcript import flat, tally

FRAME_SIZE = (960, 600)
"""Width and height of a rendered frame, in pixels, always the same."""
_MARGIN, _THUMBNAIL, _FONT_SIZE, _LINE = 16, 280, 14, 18
_INK, _FAINT, _PAPER = (30, 30, 40), (120, 120, 135), (252, 252, 250)


def frame(episode: Episode) -> npt.NDArray[np.uint8]:
    """Draws the episode: the images shown side by side, the latest last; the turns below.

    Returns:
        uint8 array of shape (600, 960, 3).
    """
    canvas = Image.new("RGB", FRAME_SIZE, _PAPER)
    draw = ImageDraw.Draw(canvas)
    shown = [part for m in episode.messages for part in m.content if isinstance(part, Image.Image)]
    for column, image in enumerate(shown[-3:]):
        left = _MARGIN + column * (_THUMBNAIL + _MARGIN)
        thumbnail = _fit(image, _THUMBNAIL)
        canvas.paste(thumbnail, (left, _MARGIN))
        label = f"{image.width} x {image.height}"
        draw.text((left, _MARGIN + _THUMBNAIL + 4), label, fill=_FAINT, font=_font())
    top = _MARGIN + _THUMBNAIL + 2 * _LINE
    columns = (FRAME_SIZE[0] - 2 * _MARGIN) // 8
    lines = [(line, _INK) for line in _wrapped(episode, columns)]
    last = [(line, _FAINT) for line in textwrap.wrap(tally(episode), columns)]
    room = (FRAME_SIZE[1] - top - _MARGIN) // _LINE - len(last)
    for line, ink in lines[-room:] + last:
        draw.text((_MARGIN, top), line, fill=ink, font=_font())
        top += _LINE
    return np.array(canvas)


def _wrapped(episode: Episode, columns: int) -> list[str]:
    lines: list[str] = []
    for message in episode.messages:
        if message.role != "system":
            text = f"{message.role}: {flat(message)}"
            printable = "".join(c if c.isprintable() else " " for c in text)
            lines += textwrap.wrap(printable, columns)
    return lines


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)


def _fit(image: Image.Image, side: int) -> Image.Image:
    """Fits an image into a square; small ones are enlarged with their pixels left visible."""
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if scale > 1:
        return image.resize(size, Image.Resampling.NEAREST)
    return resample(image, size)
