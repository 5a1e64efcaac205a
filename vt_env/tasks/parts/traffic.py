"""What stands and drives on a road: buses, cars and traffic lights."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw

from vt_env.tasks.parts.panels import SMOOTH, largest_type, mixed, paste_shape, write_centered
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box

GLASS: Color = (206, 226, 234)
DARK: Color = (44, 46, 52)
LAMPS: dict[str, Color] = {"red": (226, 52, 46), "yellow": (240, 200, 40), "green": (48, 190, 84)}
UNLIT: Color = (86, 88, 92)
CAR = ((0.0, 0.55), (0.06, 0.42), (0.2, 0.38), (0.34, 0.04), (0.7, 0.04), (0.86, 0.4), (1.0, 0.48))
"""Upper outline of a car that drives to the right, from its back; below it is straight."""
PANES = (
    ((0.28, 0.38), (0.38, 0.12), (0.5, 0.12), (0.5, 0.38)),
    ((0.54, 0.38), (0.54, 0.12), (0.67, 0.12), (0.77, 0.38)),
)


@functools.lru_cache(maxsize=256)
def disc(size: int) -> Image.Image:
    """Mask of a smooth disc."""
    mask = Image.new("L", (size * SMOOTH, size * SMOOTH), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, size * SMOOTH - 1, size * SMOOTH - 1), fill=255)
    return mask.resize((size, size), Image.Resampling.BOX)


def draw_disc(sheet: Sheet, x: int, y: int, size: int, color: Color) -> None:
    """Draws a disc with its middle at (x, y)."""
    left, top = x - size // 2, y - size // 2
    paste_shape(sheet, (left, top, left + size, top + size), disc(size), color)


@functools.lru_cache(maxsize=128)
def _polygon(points: tuple[tuple[float, float], ...], width: int, height: int) -> Image.Image:
    """Mask of a smooth polygon whose corners are shares of a box's sides."""
    mask = Image.new("L", (width * SMOOTH, height * SMOOTH), 0)
    corners = [(x * width * SMOOTH, y * height * SMOOTH) for x, y in points]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return mask.resize((width, height), Image.Resampling.BOX)


def draw_car(sheet: Sheet, box: Box, color: Color, leftwards: bool) -> None:
    """Draws a car that fills a box."""
    sheet.mark("car", box)
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    wheel = height * 2 // 5
    outline = (*CAR, (1.0, 1.0), (0.0, 1.0))
    shapes = [(outline, color), *((pane, GLASS) for pane in PANES)]
    body = (left, top, right, bottom - wheel // 3)
    for points, fill in shapes:
        turned = tuple((1 - x, y) for x, y in points) if leftwards else points
        paste_shape(sheet, body, _polygon(turned, width, body[3] - top), fill)
    for share in (0.22, 0.78):
        _wheel(sheet, left + int(width * share), bottom - wheel // 2, wheel)
    lamp = max(3, width // 20)
    at = (left, right - lamp)[not leftwards]
    y = top + height // 2
    sheet.draw.rectangle((at, y, at + lamp - 1, y + lamp - 1), fill=(250, 240, 180))


def _wheel(sheet: Sheet, x: int, y: int, size: int) -> None:
    draw_disc(sheet, x, y, size, DARK)
    draw_disc(sheet, x, y, max(3, size * 2 // 5), (176, 178, 182))


def draw_bus(
    sheet: Sheet, box: Box, color: Color, number: str, leftwards: bool, largest: int
) -> tuple[Box, int]:
    """Draws a bus that fills a box, its number on a panel at the front, in type up to `largest`.

    Returns:
        Box of the panel, and the number's type size.
    """
    sheet.mark("bus", box)
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    wheel = max(8, height // 4)
    floor = bottom - wheel // 2
    sheet.draw.rounded_rectangle((left, top, right - 1, floor), max(3, height // 10), fill=color)
    dark = mixed(color, (0, 0, 0), 0.35)
    sheet.draw.rectangle((left + 1, floor - max(2, height // 14), right - 2, floor), fill=dark)
    pad = max(2, height // 16)
    most = largest_type(sheet, ("00",), width * 2 // 5 - 2 * pad, floor - top - 5 * pad)
    size = sheet.type_size(min(most, largest))
    across, high = sheet.measure(number, size)[0] + 2 * pad + 2, size * 23 // 32 + 2 * pad + 3
    first = left + 2 * pad if leftwards else right - 2 * pad - across
    panel = (first, top + 2 * pad, first + across, min(top + 2 * pad + high, floor - pad))
    sheet.draw.rectangle((*panel[:2], panel[2] - 1, panel[3] - 1), fill=(252, 250, 240))
    write_centered(sheet, panel, number, size)
    start, end = (panel[2] + 2 * pad, right - 2 * pad) if leftwards else (left + 2 * pad, first)
    count = max(1, (end - start) // max(12, height * 2 // 5))
    share = (end - start) // count
    for pane in range(count):
        x = start + pane * share
        low = top + 2 * pad + height * 7 // 20
        sheet.draw.rectangle((x, top + 2 * pad, x + share - 2 * pad, low), fill=GLASS)
    for part in (0.2, 0.78):
        _wheel(sheet, left + int(width * part), bottom - wheel // 2 - 1, wheel)
    return panel, size


def draw_traffic_light(sheet: Sheet, box: Box, lit: str) -> None:
    """Draws a traffic light on its pole; the head fills the upper part of a box."""
    left, top, right, bottom = box
    width = right - left
    lamp = width - max(4, width // 4)
    gap = (width - lamp) // 2
    middle = (left + right) // 2
    pole = max(2, width // 8)
    sheet.draw.rectangle((middle - pole, top, middle + pole, bottom), fill=(112, 114, 120))
    low = top + 3 * lamp + 4 * gap
    sheet.draw.rounded_rectangle((left, top, right - 1, low), width // 5, fill=DARK)
    for place, (name, color) in enumerate(LAMPS.items()):
        y = top + gap + place * (lamp + gap) + lamp // 2
        draw_disc(sheet, middle, y, lamp, color if name == lit else UNLIT)
        if name == lit:
            x, y = middle - lamp // 2, y - lamp // 2
            sheet.mark("light", (x, y, x + lamp, y + lamp))
