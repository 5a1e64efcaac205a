"""Family ``instruments``: panels with clocks, gauges, knobs, thermometers, displays and vents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vt_env.tasks.composing import (
    FINE_SHARE,
    graded_sizes,
    inset,
    offer_one,
    small_size,
    two_digits,
    widest_number,
    write_middle,
)
from vt_env.tasks.hatching import PATTERNS, even
from vt_env.tasks.legibility import LARGE, SMALL
from vt_env.tasks.parts.dials import draw_clock, draw_gauge, draw_knob, draw_thermometer
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

EDGE, GAP = 8, 6
"""Pixels between the instruments and the edge of the sheet, and between each other, at least."""
ROOMY, SPACIOUS = 150, 300
"""Sides in pixels from which on a panel has a clock or thermometer, and more of everything."""
LIT: tuple[Color, Color] = (26, 28, 36), (236, 240, 228)
"""Ground and digits of a display that shines."""
LIQUID: Color = (216, 226, 208)
"""Ground of a display of liquid crystal."""


@dataclass
class Panel:
    """What has been planned for a panel: where the instruments go.

    Attributes:
        dials: Boxes of clocks, gauges and knobs; square.
        column: Room for a thermometer or a vent beside them, or None.
        slots: Boxes of displays and vents.
    """

    dials: list[Box] = field(default_factory=list)
    column: Box | None = None
    slots: list[Box] = field(default_factory=list)


class InstrumentsTask:
    """A panel of instruments. Questions: what they show, and the patterns of its vents."""

    name = "instruments"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws dials above rows of displays and vents; below or between them when novel."""
        rng = sheet.rng
        panel = _plan(sheet)
        _body(sheet)
        colors = [str(c) for c in rng.permutation(list(sheet.style.colors))]
        questions, options = _dials(sheet, panel.dials)
        vents = []
        full = len(panel.slots) == len(colors)  # no colour is left for a vent
        if panel.column and sheet.side >= ROOMY and (full or rng.random() < 0.55):
            questions.append(draw_thermometer(sheet, panel.column))
        elif panel.column:
            vents.append(panel.column)
        slots = [panel.slots[n] for n in rng.permutation(len(panel.slots))]
        displays = max(1, int(rng.integers(len(slots) // 2, len(slots) // 2 + 2)))
        if len(slots) == 1 and not vents and rng.random() < 0.4:
            displays = 0
        vents += slots[displays:]
        sizes, fine = _grades(sheet, slots[:displays], len(vents))
        questions += _vents(sheet, vents, colors[displays:], fine)
        questions += _displays(sheet, slots[:displays], colors, sizes)
        return offer_one(sheet, questions, {"What pattern": PATTERNS, **options})


def _plan(sheet: Sheet) -> Panel:
    """Plans rows: dials and a column, and one or two rows of slots."""
    rng, side, novel = sheet.rng, sheet.side, sheet.style.novel
    rows = 2 if side >= SPACIOUS else 1
    low = int(side * (0.23 if rows == 2 else 0.3)) if side >= ROOMY else 42
    gap = max(GAP, side // 40)
    edge = max(EDGE, side // 28)
    high = side - 2 * edge - rows * (low + gap)
    order = ["slots"] * rows
    order.insert(int(rng.integers(rows)) + 1 if novel else 0, "dials")
    panel = Panel()
    top = edge
    for row in order:
        if row == "dials":
            _plan_dials(sheet, panel, (edge, top, side - edge, top + high), gap)
            top += high + gap
            continue
        count = 1 if side < ROOMY else 2 if rows == 1 else int(rng.integers(2, 4))
        width = (side - 2 * edge - gap * (count - 1)) // count
        for number in range(count):
            left = edge + number * (width + gap)
            panel.slots.append((left, top, left + width, top + low))
        top += low + gap
    return panel


def _plan_dials(sheet: Sheet, panel: Panel, room: Box, gap: int) -> None:
    """Plans the row of dials and the column at their right, or at their left if mirrored."""
    left, top, right, bottom = room
    width = right - left
    count = 2 if sheet.side >= SPACIOUS else 1
    slim = max(40, int(width * 0.2))
    size = min(bottom - top, (width - slim - gap * (count + 1)) // count)
    space = (width - slim - size * count) // (count + 1)
    start = left + slim if sheet.style.mirrored else left
    middle = (top + bottom) // 2
    for number in range(count):
        x = start + space + number * (size + space)
        panel.dials.append((x, middle - size // 2, x + size, middle - size // 2 + size))
    if sheet.style.mirrored:
        panel.column = (left + 4, top, left + slim, bottom)
    else:
        panel.column = (right - slim, top, right - 4, bottom)


def _body(sheet: Sheet) -> None:
    """Draws the plate that the instruments are mounted on, with its screws."""
    rng, side = sheet.rng, sheet.side
    grey = rng.integers(206, 226) + rng.integers(-4, 5, size=3)
    fill: Color = (int(grey[0]), int(grey[1]), int(grey[2]))
    if rng.random() < 0.7:
        edge = max(3, side // 90)
        corner = (edge, edge, side - 1 - edge, side - 1 - edge)
        sheet.draw.rounded_rectangle(corner, radius=side // 24, fill=fill)


def _dials(sheet: Sheet, boxes: Sequence[Box]) -> tuple[list[Question], dict[str, list[str]]]:
    """Draws different dials; their questions, and options where there are few."""
    rng = sheet.rng
    kinds = ["gauge", "knob"] if sheet.side < ROOMY else ["clock", "gauge", "knob"]
    questions, options = [], {}
    for kind, box in zip(rng.permutation(kinds), boxes, strict=False):
        colors = [str(c) for c in rng.permutation(list(sheet.style.colors))]
        if kind == "clock":
            questions.append(draw_clock(sheet, box))
        elif kind == "gauge":
            shown = colors[: int(rng.integers(3, 5 if sheet.side >= SPACIOUS else 4))]
            options["What color does the needle"] = shown
            questions.append(draw_gauge(sheet, box, shown))
        else:
            options["What color does the knob"] = colors[:4]
            questions.append(draw_knob(sheet, box, colors[:4]))
    return questions, options


def _grades(sheet: Sheet, displays: Sequence[Box], vents: int) -> tuple[list[int], list[bool]]:
    """Type sizes of the displays and which vents are fine; nearly always something is lost."""
    rng, inner = sheet.rng, _frame(sheet) + 2
    bounds = [_bound(sheet, inset(box, inner)) for box in displays]
    sizes = graded_sizes(sheet, bounds, lost=False)
    fine = [bool(f) for f in rng.random(vents) < FINE_SHARE]
    if any(fine) or min(sizes, default=SMALL + 1) <= SMALL or rng.random() < 0.2:
        return sizes, fine
    chosen = int(rng.integers(len(sizes) + vents))
    if chosen < len(sizes):
        sizes[chosen] = small_size(sheet)
    else:
        fine[chosen - len(sizes)] = True
    return sizes, fine


def _vents(
    sheet: Sheet, boxes: Sequence[Box], colors: Sequence[str], fine: Sequence[bool]
) -> list[Question]:
    """Draws hatched vents; their questions."""
    questions = []
    for box, color, lost in zip(boxes, colors, fine, strict=False):
        plate = even(box)
        last = (plate[0], plate[1], plate[2] - 1, plate[3] - 1)
        round_ = max(3, sheet.side // 40)
        sheet.draw.rounded_rectangle(last, radius=round_, fill=sheet.style.colors[color])
        sheet.mark("panel", plate)
        area = sheet.hatch(even(inset(plate, 4 + sheet.side // 200 * 2)), fine=lost)
        questions.append(sheet.pattern_question(f"What pattern is on the {color} panel?", area))
    return questions


def _displays(
    sheet: Sheet, boxes: Sequence[Box], colors: Sequence[str], sizes: Sequence[int]
) -> list[Question]:
    """Draws displays in coloured frames; their questions."""
    if not boxes:
        return []
    frame = _frame(sheet)
    numbers = two_digits(sheet, len(boxes))
    shines = bool(sheet.rng.random() < 0.5)
    questions = []
    for box, color, size, number in zip(boxes, colors, sizes, numbers, strict=False):
        left, top, right, bottom = box[0], box[1], box[2] - 1, box[3] - 1
        shade = sheet.style.colors[color]
        sheet.draw.rounded_rectangle((left, top, right, bottom), radius=frame, fill=shade)
        inner = (left + frame, top + frame, right - frame, bottom - frame)
        sheet.draw.rectangle(inner, fill=LIT[0] if shines else LIQUID)
        at = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        sheet.mark("display", box)
        write_middle(sheet, at, number, size, LIT[1] if shines else sheet.style.ink)
        which = "display" if len(boxes) == 1 else f"{color} display"
        questions.append(
            sheet.text_question(f"What number is on the {which}?", number, box, [size])
        )
    whole: Box = (0, 0, sheet.side, sheet.side)
    text = "How many displays are there?"
    return [*questions, sheet.plain_question(text, str(len(boxes)), whole)]


def _frame(sheet: Sheet) -> int:
    """Width of a display's frame, in pixels."""
    return max(5, sheet.side // 36)


def _bound(sheet: Sheet, screen: Box) -> int:
    """Largest type of a number on a screen."""
    size = max(LARGE, int(sheet.side * 0.16))
    while widest_number(sheet, size) > screen[2] - screen[0] or size * 0.8 > screen[3] - screen[1]:
        size -= 1
    return size
