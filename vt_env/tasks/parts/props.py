"""Things that several families lay on a scene: flat shapes with shadows, and paper tags."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box

Point = tuple[float, float]
Placed = tuple[int, int, Image.Image]
"""Left, top, and mask (mode L) of something that lies on the sheet."""
OVERSAMPLING = 4
"""Outlines are drawn this much larger and reduced, for smooth edges."""
SHADE: Color = (26, 22, 18)


def polygon_mask(width: int, height: int, points: Sequence[Point]) -> Image.Image:
    """Mask of a polygon with smooth edges.

    Args:
        width: Width of the mask, in pixels.
        height: Its height.
        points: Corners, in pixels from the mask's left top corner.
    """
    mask = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING), 0)
    corners = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return mask.reduce(OVERSAMPLING)


def blob(middle: Point, radii: Point, waves: Sequence[float], corners: int = 48) -> list[Point]:
    """Outline of a round thing with a wavy edge.

    Args:
        middle: Its middle.
        radii: Its radius across and down.
        waves: Depth of the first, second ... harmonic, as a share of the radius.
        corners: Corners of the outline.
    """
    points = []
    for step in range(corners):
        angle = 2 * math.pi * step / corners
        reach = 1 + sum(d * math.sin((k + 2) * angle + 2.1 * k) for k, d in enumerate(waves))
        x, y = math.cos(angle) * radii[0], math.sin(angle) * radii[1]
        points.append((middle[0] + x * reach, middle[1] + y * reach))
    return points


def shaded(color: Color, factor: float) -> Color:
    """A darker (factor below 1) or lighter shade of a colour."""
    red, green, blue = (min(255, round(channel * factor)) for channel in color)
    return red, green, blue


def cast_shadows(sheet: Sheet, things: Sequence[Placed], reach: int, depth: int = 110) -> None:
    """Darkens the sheet softly to the lower right of the things that will lie on it."""
    edge = 2 * reach
    for x, y, mask in things:
        layer = Image.new("L", (mask.width + 2 * edge, mask.height + 2 * edge), 0)
        layer.paste(depth, (edge, edge), mask)
        soft = layer.filter(ImageFilter.BoxBlur(reach * 0.8))
        sheet.image.paste(SHADE, (x + reach - edge, y + reach - edge), soft)


def mark_shape(sheet: Sheet, thing: str, x: int, y: int, mask: Image.Image) -> None:
    """Says that a thing lies where a mask with its left top corner at (x, y) is not empty."""
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    sheet.mark(thing, (x + left, y + top, x + right, y + bottom))


def tag_extent(sheet: Sheet, text: str, size: int) -> tuple[int, int]:
    """Width and height of a paper tag."""
    mask, _ = sheet.lettering(text, size)
    pad = _pad(size)
    return mask.width + 2 * pad, mask.height + 2 * pad


def paper_tag(sheet: Sheet, x: int, y: int, text: str, size: int) -> Box:
    """Lays a small sheet of paper with a text on it; its left top corner is at (x, y).

    Returns:
        Box of the tag.
    """
    width, height = tag_extent(sheet, text, size)
    _, (dx, dy) = sheet.lettering(text, size)
    pad, drop = _pad(size), max(1, _pad(size) // 3)
    right, bottom = x + width - 1, y + height - 1
    under = Image.new("L", (width, height), 90)
    sheet.image.paste(SHADE, (x + drop, y + drop), under)
    sheet.draw.rectangle((x, y, right, bottom), fill=(250, 248, 240), outline=(176, 170, 156))
    sheet.write(x + pad - dx, y + pad - dy, text, size)
    return x, y, x + width, y + height


def _pad(size: int) -> int:
    return 3 + size // 20
