"""Family ``textures``: swatches of cloth, tiles or rugs, some woven too finely for half."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from vt_env.tasks.composing import offer, two_digits
from vt_env.tasks.hatching import MARGIN, PATTERNS, even
from vt_env.tasks.parts.props import (
    Point,
    cast_shadows,
    paper_tag,
    polygon_mask,
    shaded,
    tag_extent,
)
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

KINDS = ("cloth", "tile", "rug")
FLOORS: dict[str, tuple[Color, ...]] = {
    "cloth": ((206, 188, 160), (222, 218, 210), (186, 174, 160)),
    "tile": ((216, 212, 206), (196, 198, 198), (224, 216, 200)),
    "rug": ((200, 172, 138), (184, 158, 130), (170, 160, 152)),
}
NOVEL_FLOORS: tuple[Color, ...] = ((190, 196, 206), (204, 190, 190), (178, 188, 176))
LARGE_CANVAS = 448
PLAIN_QUESTIONS = 2
"""How many questions about colours and places a scene offers."""
TAGGED = 0.6
"""How often scenes have tags."""


@dataclass(frozen=True)
class Swatch:
    """A piece of cloth, a tile or a rug, and its tag: left, top, text and type size."""

    color: str
    box: Box
    mask: Image.Image
    tag: tuple[int, int, str, int] | None


class TexturesTask:
    """Two to six swatches. Questions: pattern, colour, place, size, number and tags."""

    name = "textures"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws swatches side by side, or one above the other in the novel layout."""
        rng = sheet.rng
        kind = KINDS[int(rng.integers(len(KINDS)))]
        large = sheet.side >= LARGE_CANVAS
        count = int(rng.integers(4, 7)) if large else int(rng.integers(2, 4))
        colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
        tagged = rng.random() < TAGGED and sheet.side > 140
        swatches = [
            _swatch(sheet, kind, color, cell, tagged and (large or place != 1))
            for place, (color, cell) in enumerate(
                zip(colors, _cells(sheet, count, 2 if large else 1), strict=True)
            )
        ]
        _draw_floor(sheet, kind)
        reach = max(2, sheet.side // 60)
        cast_shadows(sheet, [(s.box[0], s.box[1], s.mask) for s in swatches], reach, 90)
        questions = []
        for swatch in swatches:
            _draw_swatch(sheet, kind, swatch)
            if swatch.tag:
                text, size = swatch.tag[2:]
                asked = f"What number is on the {swatch.color} {kind}?"
                questions.append(sheet.text_question(asked, text, _with_tag(sheet, swatch), [size]))
        lost = any(q.need.high_res for q in questions)
        questions += _ask_patterns(sheet, kind, swatches, lost)
        return questions + _ask_plain(sheet, kind, swatches)


def _cells(sheet: Sheet, count: int, rows: int) -> list[Box]:
    """A cell for each swatch, row by row; columns instead of rows in the novel layout."""
    gap = max(8, sheet.side // 20)
    room = sheet.side - 2 * MARGIN
    tall = (room - gap * (rows - 1)) // rows
    cells = []
    for row in range(rows):
        here = count // rows + (row < count % rows)
        wide = (room - gap * (here - 1)) // here
        for place in range(here):
            x, y = MARGIN + place * (wide + gap), MARGIN + row * (tall + gap)
            cells.append((x, y, x + wide, y + tall))
    return [(b[1], b[0], b[3], b[2]) for b in cells] if sheet.style.novel else cells


def _swatch(sheet: Sheet, kind: str, color: str, cell: Box, tagged: bool) -> Swatch:
    """Finds a place for a swatch in its cell, with its tag below it or to its right."""
    rng, novel = sheet.rng, sheet.style.novel
    left, top, right, bottom = cell
    text, size, wide, tall = two_digits(sheet, 1)[0], 0, 0, 0
    if tagged:
        largest = max(40, sheet.side // 12)
        while largest > 10:
            wide, tall = tag_extent(sheet, text, largest)
            if tall <= bottom - top and wide <= (right - left) * (0.5 if novel else 1):
                break
            largest -= 1
        size = sheet.type_size(largest)
        wide, tall = tag_extent(sheet, text, size)
        right, bottom = (right - wide - 4, bottom) if novel else (right, bottom - tall - 4)
    across, down = right - left, bottom - top
    share = (0.5, 0.85) if max(across, down) > 1.6 * min(across, down) else (0.75, 1.0)
    width = int(across * rng.uniform(*(share if across > down else (0.8, 1.0))))
    height = int(down * rng.uniform(*(share if down >= across else (0.8, 1.0))))
    if kind == "tile":
        width = height = min(width, height)
    x = left + int(rng.integers(0, across - width + 1))
    y = top + int(rng.integers(0, down - height + 1))
    box = even((x, y, x + width, y + height))
    mask = _mask(sheet, kind, box[2] - box[0], box[3] - box[1])
    if not tagged:
        return Swatch(color, box, mask, None)
    if novel:
        return Swatch(color, box, mask, (box[2] + 4, min(box[1], cell[3] - tall), text, size))
    along = min(max(cell[0], box[0] + int(rng.integers(-2, 3))), cell[2] - wide)
    return Swatch(color, box, mask, (along, box[3] + 4, text, size))


def _mask(sheet: Sheet, kind: str, width: int, height: int) -> Image.Image:
    """Mask of a swatch: cloth has pinked edges, and tiles have round corners."""
    if kind == "rug":
        return Image.new("L", (width, height), 255)
    if kind == "tile":
        turn = max(3, sheet.side // 40)
        corner: list[Point] = [(0, turn), (turn * 0.3, turn * 0.3), (turn, 0)]
        points = corner + [(width - x, y) for x, y in reversed(corner)]
        return polygon_mask(width, height, points + [(x, height - y) for x, y in reversed(points)])
    tooth = max(3, sheet.side // 60)
    across, down = max(4, width // (2 * tooth)), max(4, height // (2 * tooth))
    top = [(width * k / (2 * across), tooth * 0.7 * (k % 2)) for k in range(2 * across + 1)]
    right = [(width - tooth * 0.7 * (k % 2), height * k / (2 * down)) for k in range(2 * down + 1)]
    points = top + right
    return polygon_mask(width, height, points + [(width - x, height - y) for x, y in points])


def _draw_floor(sheet: Sheet, kind: str) -> None:
    """Fills the sheet with a table, a tiled wall or floorboards."""
    rng, side = sheet.rng, sheet.side
    floors = NOVEL_FLOORS if sheet.style.novel else FLOORS[kind]
    floor = floors[int(rng.integers(len(floors)))]
    sheet.draw.rectangle((0, 0, side, side), fill=floor)
    step = side // int(rng.integers(4, 8))
    seam = shaded(floor, 0.93)
    for at in range(int(rng.integers(step)), side, step):
        if kind != "cloth":
            sheet.draw.line((0, at, side, at), fill=seam, width=max(1, side // 150))
        if kind == "tile":
            sheet.draw.line((at, 0, at, side), fill=seam, width=max(1, side // 150))


def _draw_swatch(sheet: Sheet, kind: str, swatch: Swatch) -> None:
    """Draws a swatch and its tag."""
    color = sheet.style.colors[swatch.color]
    left, top, right, bottom = swatch.box
    thick = max(1, sheet.side // 112)
    if kind == "tile":
        sheet.image.paste(shaded(color, 0.75), (left, top + thick), swatch.mask)
    if kind == "rug":
        start, end = (left, right) if sheet.style.novel else (top, bottom)
        for at in range(start + thick, end, 2 * thick + 1):  # the fringes
            line = (left - 2 * thick, at, right + 2 * thick - 1, at)
            if sheet.style.novel:
                line = (at, top - 2 * thick, at, bottom + 2 * thick - 1)
            sheet.draw.line(line, fill=shaded(color, 0.85), width=thick)
    sheet.image.paste(color, (left, top), swatch.mask)
    sheet.mark("cloth", swatch.box)  # tiles and rugs too: they are asked about alike
    if swatch.tag:
        paper_tag(sheet, *swatch.tag)


def _with_tag(sheet: Sheet, swatch: Swatch) -> Box:
    """Box around a swatch and its tag."""
    assert swatch.tag is not None
    x, y, text, size = swatch.tag
    wide, tall = tag_extent(sheet, text, size)
    left, top, right, bottom = swatch.box
    return min(left, x), min(top, y), max(right, x + wide), max(bottom, y + tall)


def _ask_patterns(sheet: Sheet, kind: str, swatches: list[Swatch], lost: bool) -> list[Question]:
    """Hatches each swatch, and asks for its pattern or whether it has one.

    The last one is fine if nothing else, `lost` included, needs high resolution.
    """
    rng, questions = sheet.rng, []
    for swatch in swatches:
        fine = True if swatch is swatches[-1] and not lost else None
        area = sheet.hatch(swatch.box, swatch.mask, fine=fine)
        lost = lost or sheet.hatched[area].fine
        pattern = sheet.hatched[area].pattern
        if rng.random() < 0.75:
            text = f"What pattern is on the {swatch.color} {kind}?"
            questions.append(sheet.pattern_question(text, area))
            continue
        others = [p for p in PATTERNS if p != pattern]
        asked = pattern if rng.random() < 0.5 else others[int(rng.integers(len(others)))]
        answers = {p: "yes" if p == asked else "no" for p in PATTERNS}
        text = f"Is the pattern on the {swatch.color} {kind} {asked}?"
        questions.append(sheet.pattern_question(text, area, answers))
    return questions


def _ask_plain(sheet: Sheet, kind: str, swatches: list[Swatch]) -> list[Question]:
    """Some questions about the colours, places and number of the swatches."""
    rng, novel = sheet.rng, sheet.style.novel
    whole: Box = (0, 0, sheet.side, sheet.side)
    said = f"How many {kind}s are there?"
    asked = [sheet.plain_question(said, str(len(swatches)), whole)]
    ends = ("top", "bottom") if novel else ("left", "right")
    phrases, first_row = [f"on the {end}" for end in ends], len(swatches)
    if sheet.side >= LARGE_CANVAS:
        first_row = (len(swatches) + 1) // 2
        other = ("left", "right") if novel else ("top", "bottom")
        corners = [(a, b) if novel else (b, a) for b in other for a in ends]
        phrases = [f"in the {a} {b}" for a, b in corners]
    at_ends = [0, first_row - 1, first_row, len(swatches) - 1]
    for phrase, place in zip(phrases, at_ends, strict=False):
        color = swatches[place].color
        text = f"What color is the {kind} {phrase}?"
        asked.append(sheet.plain_question(text, color, whole))
    place = int(rng.integers(len(phrases)))
    right = swatches[at_ends[place]].color
    which = sheet.plain_question(f"Which {kind} is {phrases[place]}?", right, whole)
    asked.append(offer(sheet, which, list(sheet.style.colors), 3))
    one, two = sorted(int(k) for k in rng.permutation(first_row)[:2])
    true = bool(rng.random() < 0.5)
    before, after = (one, two) if true else (two, one)
    relation = "above" if novel else "left of"
    text = f"Is the {swatches[before].color} {kind} {relation} the {swatches[after].color} {kind}?"
    asked.append(sheet.plain_question(text, "yes" if true else "no", whole))
    return [asked[int(k)] for k in rng.permutation(len(asked))[:PLAIN_QUESTIONS]]
