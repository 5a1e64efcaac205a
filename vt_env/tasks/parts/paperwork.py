"""What papers are made of: the page on its desk, stamps, check boxes, banners and filler lines."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw

from vt_env.tasks.hatching import MARGIN
from vt_env.tasks.parts.panels import SMOOTH, mixed, paste_shape, pick
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box

DESKS: tuple[Color, ...] = ((186, 158, 128), (150, 156, 168), (164, 182, 170), (206, 196, 180))
NOVEL_DESKS: tuple[Color, ...] = ((128, 112, 104), (176, 150, 168))
STAMPS = ("square", "round", "rounded")
ROOMY = 448
"""Canvas from which a page leaves some of the desk free and has more on it."""


def draw_page(sheet: Sheet) -> Box:
    """Draws a desk with a page on it, and returns the page's box."""
    rng, side = sheet.rng, sheet.side
    desks = NOVEL_DESKS if sheet.style.novel else DESKS
    desk = desks[int(rng.integers(len(desks)))]
    sheet.draw.rectangle((0, 0, side, side), fill=desk)
    inset = max(3, side // 42)
    width = height = side - 2 * inset
    if side >= ROOMY:
        width = int(width * rng.uniform(0.68, 0.97))
        height = int(height * rng.uniform(0.86, 1.0))
    left = inset + int(rng.integers(0, side - 2 * inset - width + 1))
    top = inset + int(rng.integers(0, side - 2 * inset - height + 1))
    shadow = max(1, side // 100)
    page = (left, top, left + width, top + height)
    sheet.draw.rectangle(
        (left + shadow, top + shadow, page[2] + shadow, page[3] + shadow),
        fill=mixed(desk, (0, 0, 0), 0.35),
    )
    sheet.draw.rectangle((left, top, page[2] - 1, page[3] - 1), fill=sheet.style.paper)
    if rng.random() < 0.4:  # torn from a roll
        _tear(sheet, page, desk, max(3, side // 56))
    return page


def _tear(sheet: Sheet, page: Box, desk: Color, tooth: int) -> None:
    """Gives the page's lower edge teeth."""
    left, _, right, bottom = page
    for x in range(left, right - tooth, 2 * tooth):
        middle, end = x + tooth, min(x + 2 * tooth, right)
        sheet.draw.polygon(
            ((x, bottom - 1), (middle, bottom - tooth), (end, bottom - 1)), fill=desk
        )


@functools.lru_cache(maxsize=512)
def _stamp_mask(shape: str, width: int, height: int) -> Image.Image:
    """A stamp's outline, filled."""
    mask = Image.new("L", (width * SMOOTH, height * SMOOTH), 0)
    draw = ImageDraw.Draw(mask)
    box = (0, 0, width * SMOOTH - 1, height * SMOOTH - 1)
    if shape == "round":
        draw.ellipse(box, fill=255)
    else:
        radius = min(width, height) * SMOOTH // 5 if shape == "rounded" else 0
        draw.rounded_rectangle(box, radius, fill=255)
    return mask.resize((width, height), Image.Resampling.BOX)


def draw_stamp(sheet: Sheet, box: Box, color: Color, fine: bool | None = None) -> int:
    """Draws a hatched stamp with a ring into a box; returns the area's number."""
    rng = sheet.rng
    ring = max(2, sheet.side // 112)
    step = 4 if sheet.side < ROOMY else 16  # few sizes: the projection is kept for each
    gap = max(3, sheet.side // 112)
    margin = gap + ring
    left, top = max(MARGIN, box[0] + margin), max(MARGIN, box[1] + margin)
    right = min(sheet.side - MARGIN, box[2] - margin)
    bottom = min(sheet.side - MARGIN, box[3] - margin)
    height = (bottom - top - 1) // step * step
    width = min((right - left - 1) // step * step, height * 3 // 2 // step * step)
    shape = STAMPS[int(rng.integers(len(STAMPS)))]
    left += (right - left - width) // 2
    left, top = left + left % 2, top + top % 2
    area = (left, top, left + width, top + height)
    outer = (left - margin, top - margin, area[2] + margin, area[3] + margin)
    paste_shape(sheet, outer, _stamp_mask(shape, width + 2 * margin, height + 2 * margin), color)
    inner = (left - gap, top - gap, area[2] + gap, area[3] + gap)
    paste_shape(
        sheet, inner, _stamp_mask(shape, width + 2 * gap, height + 2 * gap), sheet.style.paper
    )
    mask = _stamp_mask(shape, width, height)
    paste_shape(sheet, area, mask, color)
    sheet.mark("stamp", (max(0, outer[0]), max(0, outer[1]), outer[2], outer[3]))
    return sheet.hatch(area, mask, fine=fine)


@functools.lru_cache(maxsize=128)
def _tick_mask(size: int, cross: bool) -> Image.Image:
    """A tick, or a cross, as a pen makes it."""
    large = size * SMOOTH
    mask = Image.new("L", (large, large), 0)
    draw, width = ImageDraw.Draw(mask), large // 6
    strokes: tuple[tuple[tuple[float, float], ...], ...] = (
        ((0.16, 0.52), (0.4, 0.8), (0.86, 0.16)),
    )
    if cross:
        strokes = (((0.2, 0.2), (0.8, 0.8)), ((0.8, 0.2), (0.2, 0.8)))
    for stroke in strokes:
        points = [(x * large, y * large) for x, y in stroke]
        draw.line(points, fill=255, width=width, joint="curve")
    return mask.resize((size, size), Image.Resampling.BOX)


def draw_check_box(sheet: Sheet, x: int, y: int, size: int, ticked: bool) -> None:
    """Draws a check box, ticked or empty."""
    box = (x, y, x + size, y + size)
    line = max(2, size // 12)
    sheet.draw.rectangle(
        (x, y, x + size - 1, y + size - 1),
        fill=mixed(sheet.style.paper, (255, 255, 255), 0.6),
        outline=sheet.style.ink,
        width=line,
    )
    sheet.mark("tick" if ticked else "box", box)
    if ticked:
        paste_shape(sheet, box, _tick_mask(size, False), sheet.style.ink)


def draw_filler(sheet: Sheet, box: Box, pitch: int) -> None:
    """Draws lines of print too small to read, as grey bars with gaps between the words."""
    left, top, right, bottom = box
    grey = mixed(sheet.style.paper, sheet.style.ink, 0.3)
    thick = max(1, pitch * 2 // 5)
    for y in range(top, bottom - pitch + 1, pitch):
        end = left + int((right - left) * sheet.rng.uniform(0.55, 1.0))
        x = left
        while x + pitch < end:
            word = min(pick(sheet.rng, pitch * 2, pitch * 6), end - x)
            sheet.draw.rectangle((x, y, x + word, y + thick - 1), fill=grey)
            x += word + pitch


def draw_barcode(sheet: Sheet, box: Box) -> None:
    """Draws a bar code that fills a box."""
    left, top, right, bottom = box
    unit = max(2, sheet.side // 250)
    widths = sheet.rng.integers(1, 4, size=(right - left) // (2 * unit) + 1)
    x = left
    for black, white in zip(widths[::2], widths[1::2], strict=False):
        end = x + int(black) * unit
        if end > right:
            return
        sheet.draw.rectangle((x, top, end - 1, bottom - 1), fill=sheet.style.ink)
        x = end + int(white) * unit


def contrasting(color: Color) -> Color:
    """White or near black, whichever is easier to read on a colour."""
    light = float(np.dot(color, (0.3, 0.59, 0.11)))
    return (28, 28, 32) if light > 140 else (252, 252, 250)
