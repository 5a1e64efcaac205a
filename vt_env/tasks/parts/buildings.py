"""Houses with a number, and shops with a sign and a roller shutter."""

from __future__ import annotations

from vt_env.tasks.hatching import MARGIN
from vt_env.tasks.parts.panels import largest_type, mixed, pick, write_centered
from vt_env.tasks.parts.traffic import GLASS
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box
from vt_env.tasks.vocabulary import ITEMS

BOARD: Color = (252, 251, 245)
"""Light ground of house numbers and signs."""
HOUSE, SHOP = 60, 86
"""Widths, in pixels of a canvas of 168, that the parts of a house and of a shop are meant for."""


def _scale(sheet: Sheet, width: int, usual: int) -> float:
    """How much larger a building's parts are than on a canvas of 168; less in a narrow one."""
    return min(sheet.side / 168, width / usual)


def draw_house(
    sheet: Sheet, box: Box, color: Color, door: Color, number: str
) -> tuple[Box, Box, int]:
    """Draws a house with a gable that fills a box.

    Returns:
        Boxes of the plate with the number and of the door, and the number's type size.
    """
    left, top, right, bottom = box
    width = right - left
    unit = _scale(sheet, width, HOUSE)
    eaves = top + (bottom - top) * (3 if sheet.style.novel else 2) // 12
    overhang = max(1, int(2 * unit))
    roof = mixed(color, (40, 30, 30), 0.55)
    if sheet.style.novel:  # a hipped roof
        ridge = ((left + width // 4, top), (right - width // 4, top))
    else:
        ridge = (((left + right) // 2, top),) * 2
    sheet.draw.rectangle((left, eaves, right - 1, bottom - 1), fill=color)
    sheet.draw.polygon(((left - overhang, eaves), *ridge, (right - 1 + overhang, eaves)), fill=roof)
    height, pad = bottom - eaves, max(3, int(4 * unit))
    entry = _entry(sheet, (left, eaves, right, bottom), door)
    room = (left + pad, eaves + pad, right - pad, entry[1] - pad)
    most = largest_type(sheet, ("00",), width - 4 * pad, room[3] - room[1] - 4)
    size = sheet.type_size(min(most, max(36, sheet.side // 12)))
    across, high = sheet.measure(number, size)[0] + 6, size * 23 // 32 + 7
    middle = (left + right) // 2 if size > 26 or sheet.style.novel else (entry[0] + entry[2]) // 2
    start = min(max(middle - across // 2, room[0]), room[2] - across)
    low = room[3] if not sheet.style.novel else room[1] + high
    plate = (start, low - high, start + across, low)
    _board(sheet, plate)
    write_centered(sheet, plate, number, size)
    _windows(sheet, (left, eaves, right, eaves + height), (plate, entry))
    sheet.mark("house", (left, eaves, right, bottom))
    sheet.mark("door", entry)
    return plate, entry, size


def _entry(sheet: Sheet, wall: Box, color: Color) -> Box:
    """Draws a door at one side of a wall, or in its middle in the novel layout."""
    left, top, right, bottom = wall
    unit = _scale(sheet, right - left, HOUSE)
    pad = max(3, int(4 * unit))
    height = min((bottom - top) * 9 // 20, int(44 * unit))
    width = min(height * 3 // 5, (right - left) * 2 // 5)
    x = left + 2 * pad if sheet.rng.random() < 0.5 else right - 2 * pad - width
    if sheet.style.novel:
        x = (left + right - width) // 2
    door = (x, bottom - height, x + width, bottom)
    frame = max(1, int(1.5 * unit))
    sheet.draw.rectangle(
        (x - frame, door[1] - frame, x + width - 1 + frame, bottom - 1), fill=BOARD
    )
    sheet.draw.rectangle((x, door[1], x + width - 1, bottom - 1), fill=color)
    knob = max(2, int(2 * unit))
    y = bottom - height // 2
    sheet.draw.rectangle((x + knob, y, x + 2 * knob - 1, y + knob - 1), fill=BOARD)
    return door


def _board(sheet: Sheet, box: Box) -> None:
    """Draws a light board with a thin dark edge."""
    line = max(1, min(sheet.side // 336, (box[3] - box[1]) // 16))
    edge = (box[0], box[1], box[2] - 1, box[3] - 1)
    sheet.draw.rectangle(edge, fill=BOARD, outline=mixed(sheet.style.ink, BOARD, 0.3), width=line)


def _windows(sheet: Sheet, wall: Box, taken: tuple[Box, ...]) -> None:
    """Draws windows in a grid over a wall, wherever nothing else is."""
    left, top, right, bottom = wall
    cell = max(16, min((right - left) // 3, int(30 * sheet.side / 168)))
    columns, rows = max(1, (right - left) // cell), max(1, (bottom - top) // cell)
    wide, high = (right - left) // columns, (bottom - top) // rows
    inset, bar = max(3, cell // 5), max(1, cell // 24)
    for row in range(rows):
        for column in range(columns):
            x, y = left + column * wide + inset, top + row * high + inset
            pane = (x, y, x + wide - 2 * inset, y + high - 2 * inset)
            if any(_near(pane, other, bar + inset) for other in taken):
                continue
            edge = (pane[0] - bar, pane[1] - bar, pane[2] + bar, pane[3] + bar)
            sheet.draw.rectangle(edge, fill=BOARD)
            sheet.draw.rectangle(pane, fill=mixed(GLASS, (90, 120, 140), 0.35))
            middle = (pane[0] + pane[2]) // 2
            sheet.draw.rectangle((middle, pane[1], middle + bar - 1, pane[3]), fill=BOARD)


def _near(one: Box, other: Box, gap: int) -> bool:
    """Whether two boxes come closer to each other than `gap` pixels."""
    across = one[0] < other[2] + gap and other[0] < one[2] + gap
    return across and one[1] < other[3] + gap and other[1] < one[3] + gap


def draw_shop(
    sheet: Sheet, box: Box, color: Color, shutter: Color | None, item: str, fine: bool | None
) -> tuple[Box, int, int | None]:
    """Draws a shop with a flat roof that fills a box; without a shutter it shows its window.

    The pattern of the shutter is `fine`, or drawn, as in `Sheet.hatch`.

    Returns:
        Box of the sign, its type size, and the number of the hatched shutter.
    """
    left, top, right, bottom = box
    unit = _scale(sheet, right - left, SHOP)
    pad = max(3, int(4 * unit))
    sheet.draw.rectangle((left, top, right - 1, bottom - 1), fill=color)
    cornice = mixed(color, (30, 30, 30), 0.4)
    thick = max(2, int(3 * unit))
    sheet.draw.rectangle((left - 1, top, right, top + thick - 1), fill=cornice)
    front = min(int(44 * unit), (bottom - top) * 9 // 20, 240)
    sill = bottom - front - pad
    room = (left + pad, top + thick + pad // 2, right - pad, sill)
    most = largest_type(sheet, ITEMS, room[2] - room[0] - 4, room[3] - room[1] - 4)
    size = sheet.type_size(min(most, max(38, sheet.side // 10)))
    high = min(max(size + 4, int(16 * unit)), room[3] - room[1])
    sign = (room[0], room[3] - high, room[2], room[3])
    if sheet.style.novel:
        sign = (room[0], room[1], room[2], room[1] + high)
    _board(sheet, sign)
    write_centered(sheet, sign, item, size)
    _windows(sheet, (left, top + thick, right, sill), (sign,))
    sheet.mark("shop", box)
    below = (left + pad, bottom - front, right - pad, bottom)
    return sign, size, _front(sheet, below, shutter, fine)


def _front(sheet: Sheet, box: Box, shutter: Color | None, fine: bool | None) -> int | None:
    """Draws a shop's door and, beside it, its shutter or its window."""
    left, top, right, bottom = box
    unit = _scale(sheet, right - left, SHOP)
    gap = max(4, int(5 * unit))
    door = min((bottom - top) * 9 // 20, (right - left) // 4)
    flipped = (sheet.rng.random() < 0.5) != sheet.style.novel
    x = left if flipped else right - door
    frame = mixed(sheet.style.ink, (90, 90, 96), 0.6)
    sheet.draw.rectangle((x, top + 2, x + door - 1, bottom - 1), fill=frame)
    bar = max(2, int(2 * unit))
    sheet.draw.rectangle((x + bar, top + 2 + bar, x + door - 1 - bar, bottom - 2 * bar), fill=GLASS)
    start, end = (left + door + gap, right) if flipped else (left, right - door - gap)
    step = 4 if sheet.side < 448 else 16  # few sizes: the projection is kept for each
    start, end = max(start, MARGIN), min(end, sheet.side - MARGIN)
    width = min(end - start - 1, (right - left) * 3 // 5) // step * step  # the wall is the larger
    height = (bottom - bar - top - 1) // step * step
    start += (end - start - width) // 2
    start, top = start + start % 2, top + top % 2
    area = (start, top, start + width, top + height)
    inner = (area[0], area[1], area[2] - 1, area[3] - 1)
    if shutter is None:
        sheet.draw.rectangle(inner, fill=GLASS, outline=BOARD, width=bar)
        for _ in range(pick(sheet.rng, 2, 3)):  # goods on display
            _goods(sheet, area, bar)
        return None
    sheet.draw.rectangle(inner, fill=shutter)
    sheet.mark("shutter", area)
    return sheet.hatch(area, fine=fine)


def _goods(sheet: Sheet, window: Box, edge: int) -> None:
    """Draws a box on display in a shop's window."""
    colors = list(sheet.style.colors.values())
    color = mixed(colors[int(sheet.rng.integers(len(colors)))], GLASS, 0.35)
    width, height = (window[2] - window[0]) // 6, (window[3] - window[1]) // 3
    x = pick(sheet.rng, window[0] + edge + 1, window[2] - edge - 1 - width)
    y = window[3] - edge
    sheet.draw.rectangle((x, y - height, x + width, y - 1), fill=color)
