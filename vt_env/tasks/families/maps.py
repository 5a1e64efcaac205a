"""Family ``maps``: a small map with a road, water, and fields that are hatched as on real maps."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from vt_env.tasks.composing import offer, two_digits
from vt_env.tasks.hatching import even
from vt_env.tasks.parts.map_land import LARGE_CANVAS, LEAF, Land, Plan, plan_map
from vt_env.tasks.parts.props import Point, mark_shape, polygon_mask
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

FIELD_COLORS = ("red", "green", "yellow", "purple", "orange")
"""Without blue, which on a map is water."""
PLAIN_QUESTIONS = 1
"""How many questions about fields a map offers, besides the one about water."""
CORNERS = ("top left", "top right", "bottom left", "bottom right")
WHITE: Color = (252, 252, 248)


@dataclass(frozen=True)
class Field:
    """A field, and where on the map it is: 0, 1 ... from the top and from the left."""

    color: str
    box: Box
    mask: Image.Image
    row: int
    column: int


class MapsTask:
    """A map. Questions: fields and their patterns, numbers on road and markers, water."""

    name = "maps"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws a map whose road runs from left to right, or down in the novel layout."""
        rng, plan = sheet.rng, plan_map(sheet)
        land = Land(sheet, plan)
        land.lay()
        plots = [(r, c) for r in range(len(plan.rows)) for c in range(len(plan.columns))]
        order = [plots[int(k)] for k in rng.permutation(len(plots))]
        least, most = (3, 5) if sheet.side >= LARGE_CANVAS else (2, 3)
        count = int(rng.integers(least, most + 1))
        colors = [str(c) for c in rng.permutation(FIELD_COLORS)]
        fields = [
            _field(sheet, land, plan, color, plot)
            for color, plot in zip(colors, order[:count], strict=False)
        ]
        rest = [plan.plot(*plot) for plot in order[count:]]
        pins = rest[: int(rng.integers(1, 3)) if sheet.side >= LARGE_CANVAS else 1]
        notes = rest[len(pins) :][:2] if sheet.side >= LARGE_CANVAS else []
        for box in rest[len(pins) + len(notes) :]:
            (land.wood if rng.random() < 0.5 else land.houses)(box)
        land.finish()
        if notes:
            _legend(sheet, land, notes[0], "Lake" if plan.lake else "River")
        if len(notes) > 1:
            _compass(sheet, notes[1])
        questions = [_road_number(sheet, plan)]
        for box, color in zip(pins, rng.permutation(list(sheet.style.colors)), strict=False):
            questions.append(_pin(sheet, box, str(color)))
        for field in fields:
            lost = any(q.need.high_res for q in questions)
            last = field is fields[-1]  # nearly every map has a question that needs more
            area = sheet.hatch(field.box, field.mask, fine=True if last and not lost else None)
            text = f"What pattern is on the {field.color} field?"
            questions.append(sheet.pattern_question(text, area))
        return [*questions, _ask_water(sheet, plan), *_ask_fields(sheet, plan, fields)]


def _field(sheet: Sheet, land: Land, plan: Plan, color: str, plot: tuple[int, int]) -> Field:
    """Lays a field with slightly slanted sides into a plot."""
    rng = sheet.rng
    left, top, right, bottom = plan.plot(*plot)
    width, height = right - left, bottom - top
    wide = max(20, int(width * rng.uniform(0.8, 1)))
    tall = max(20, int(height * rng.uniform(0.8, 1)))
    left += int(rng.integers(0, max(0, width - wide) + 1))
    top += int(rng.integers(0, max(0, height - tall) + 1))
    box = even((left, top, left + wide, top + tall))
    wide, tall = box[2] - box[0], box[3] - box[1]
    slants = rng.uniform(0, 0.12, size=8)
    points: list[Point] = [
        (wide * slants[0], tall * slants[1]),
        (wide * (1 - slants[2]), tall * slants[3]),
        (wide * (1 - slants[4]), tall * (1 - slants[5])),
        (wide * slants[6], tall * (1 - slants[7])),
    ]
    shade = sheet.style.colors[color]
    land.field([(box[0] + x, box[1] + y) for x, y in points], shade)
    row, column = (plot[1], plot[0]) if plan.turned else plot
    mask = polygon_mask(wide, tall, points)
    mark_shape(sheet, "field", box[0], box[1], mask)
    return Field(color, box, mask, row, column)


def _road_number(sheet: Sheet, plan: Plan) -> Question:
    """Puts a shield with a number on the road, away from water, and asks for the number."""
    rng, text = sheet.rng, two_digits(sheet, 1)[0]
    first, last = plan.columns[0][0] - 8, plan.columns[-1][1] + 8
    stretches = [(first, last)]
    if plan.crossed:
        stretches = [(first, plan.ford[0] - 3), (plan.ford[1] + 3, last)]
    longest = max(stretches, key=lambda ends: ends[1] - ends[0])
    room = plan.box((0, 0, longest[1] - longest[0], plan.band[1] - plan.band[0] - 6))
    size = sheet.type_size(_largest(sheet, text, room[2], room[3]))
    wide, tall = _sign_extent(sheet, text, size)
    along, across = (tall, wide) if plan.turned else (wide, tall)
    fitting = [ends for ends in stretches if ends[1] - ends[0] >= along]
    start, end = fitting[int(rng.integers(len(fitting)))]
    x = int(rng.integers(start, end - along + 1))
    y = round(plan.road_at(x + along / 2) - across / 2)
    y = min(max(y, plan.band[0] + 3), plan.band[1] - across - 3)
    at = (y, x) if plan.turned else (x, y)
    box = _sign(sheet, at[0], at[1], text, size, sheet.style.ink)
    sheet.mark("road", box)
    return sheet.text_question("What number is on the road?", text, box, [size])


def _pin(sheet: Sheet, plot: Box, color: str) -> Question:
    """Puts a coloured marker with a number into a plot, and asks for the number."""
    rng, text = sheet.rng, two_digits(sheet, 1)[0]
    width, height = plot[2] - plot[0], plot[3] - plot[1]
    size = sheet.type_size(_largest(sheet, text, width, height * 7 // 8))
    wide, tall = _sign_extent(sheet, text, size)
    tip = max(4, tall // 7)
    x = plot[0] + int(rng.integers(0, max(0, width - wide) + 1))
    y = plot[1] + int(rng.integers(0, max(0, height - tall - tip) + 1))
    shade, middle = sheet.style.colors[color], x + wide // 2
    foot = [(middle - tip, y + tall - 2), (middle + tip, y + tall - 2), (middle, y + tall + tip)]
    sheet.draw.polygon(foot, fill=shade)
    box = _sign(sheet, x, y, text, size, shade)
    sheet.mark("marker", (*box[:3], min(box[3] + tip, sheet.side)))
    return sheet.text_question(f"What number is on the {color} marker?", text, box, [size])


def _rim(size: int) -> int:
    return 2 + size // 24


def _sign_extent(sheet: Sheet, text: str, size: int) -> tuple[int, int]:
    """Width and height of a sign."""
    mask, _ = sheet.lettering(text, size)
    edge = 2 * _rim(size) + 6 + size // 16
    return mask.width + edge, mask.height + edge


def _largest(sheet: Sheet, text: str, width: int, height: int) -> int:
    """Largest type whose sign fits into a room, or nearly so in the smallest type."""
    size = max(40, sheet.side // 9)
    while size > 10:
        wide, tall = _sign_extent(sheet, text, size)
        if wide <= width - 1 and tall <= height - 1:
            break
        size -= 1
    return size


def _sign(sheet: Sheet, x: int, y: int, text: str, size: int, rim: Color) -> Box:
    """Draws a white plate with a rim and a text; its left top corner is at (x, y)."""
    mask, (dx, dy) = sheet.lettering(text, size)
    wide, tall = _sign_extent(sheet, text, size)
    sheet.draw.rounded_rectangle(
        (x, y, x + wide - 1, y + tall - 1), 3 + size // 6, fill=WHITE, outline=rim, width=_rim(size)
    )
    sheet.write(x + (wide - mask.width) // 2 - dx, y + (tall - mask.height) // 2 - dy, text, size)
    return x, y, x + wide, y + tall


def _legend(sheet: Sheet, land: Land, plot: Box, water: str) -> None:
    """Explains the colours of road and water; nothing is asked about it."""
    size = max(13, sheet.side // 44)
    lines = (("Road", land.road), (water, land.water), ("Tree", LEAF))
    x, y, step = plot[0] + 2, plot[1] + 2, size * 3 // 2
    wide = 3 * size + max(sheet.measure(text, size)[0] for text, _ in lines)
    box = (x, y, x + wide, y + step * len(lines) + size // 2)
    sheet.draw.rectangle(box, fill=WHITE, outline=(150, 146, 138))
    for number, (text, color) in enumerate(lines):
        top = y + size // 2 + step * number
        corners = (x + size // 2, top, x + 2 * size, top + size)
        sheet.draw.rectangle(corners, fill=color, outline=(132, 124, 112))
        sheet.write(x + size * 5 // 2, top, text, size)


def _compass(sheet: Sheet, plot: Box) -> None:
    """Draws an arrow that points north."""
    reach = min(plot[2] - plot[0], plot[3] - plot[1], sheet.side // 8) // 2
    x, y = (plot[0] + plot[2]) // 2, (plot[1] + plot[3]) // 2
    left = [(x, y - reach), (x - reach // 3, y + reach), (x, y + reach // 2)]
    sheet.draw.polygon(left, fill=sheet.style.ink)
    right = [(2 * x - a, b) for a, b in left]
    sheet.draw.polygon(right, fill=WHITE, outline=sheet.style.ink)
    sheet.write(x + reach // 2, y - reach, "N", max(13, reach * 2 // 3))


def _ask_water(sheet: Sheet, plan: Plan) -> Question:
    """Which side the lake is on, or whether the road crosses the river."""
    whole: Box = (0, 0, sheet.side, sheet.side)
    _mark_water(sheet, plan)
    if plan.lake:
        return sheet.plain_question("Which side is the lake on?", plan.lake, whole)
    answer = "yes" if plan.crossed else "no"
    return sheet.plain_question("Does the road cross the river?", answer, whole)


def _mark_water(sheet: Sheet, plan: Plan) -> None:
    """Marks the part of the sheet that the lake or the river takes."""
    reach = 0 if plan.lake else plan.river_width // 2
    points = plan.shore or plan.river
    across, down = ([round(point[axis]) for point in points] for axis in (0, 1))
    left, top = (max(0, min(places) - reach) for places in (across, down))
    right, bottom = (min(sheet.side, max(places) + reach) for places in (across, down))
    sheet.mark("lake" if plan.lake else "river", plan.box((left, top, right, bottom)))


def _ask_fields(sheet: Sheet, plan: Plan, fields: list[Field]) -> list[Question]:
    """Some questions about the colours, places and number of the fields."""
    rng = sheet.rng
    whole: Box = (0, 0, sheet.side, sheet.side)
    asked = [sheet.plain_question("How many fields are there?", str(len(fields)), whole)]
    cornered = [(field, corner) for field in fields if (corner := _corner(plan, field))]
    if cornered:
        field, corner = cornered[int(rng.integers(len(cornered)))]
        text = f"What color is the field in the {corner}?"
        asked.append(sheet.plain_question(text, field.color, field.box))
        field, corner = cornered[int(rng.integers(len(cornered)))]
        where = sheet.plain_question(f"Where is the {field.color} field?", corner, whole)
        asked.append(offer(sheet, where, CORNERS, 3))
    pairs = [
        (one, other, word, after > before)
        for one in fields
        for other in fields
        for word, before, after in (
            ("left of", one.column, other.column),
            ("above", one.row, other.row),
        )
        if before != after
    ]
    one, other, word, true = pairs[int(rng.integers(len(pairs)))]
    text = f"Is the {one.color} field {word} the {other.color} field?"
    asked.append(sheet.plain_question(text, "yes" if true else "no", whole))
    return [asked[int(k)] for k in rng.permutation(len(asked))[:PLAIN_QUESTIONS]]


def _corner(plan: Plan, field: Field) -> str | None:
    """Corner of the map that a field lies in; None between corners."""
    rows, columns = len(plan.rows), len(plan.columns)
    if plan.turned:
        rows, columns = columns, rows
    vertical = {0: "top", rows - 1: "bottom"}.get(field.row)
    sideways = {0: "left", columns - 1: "right"}.get(field.column)
    return f"{vertical} {sideways}" if vertical and sideways else None
