"""Family ``objects``: toy blocks on a table, some with a numbered tag, some with a fine pattern."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from vt_env.tasks.composing import offer, two_digits
from vt_env.tasks.hatching import MARGIN
from vt_env.tasks.parts.props import (
    Placed,
    Point,
    cast_shadows,
    mark_shape,
    paper_tag,
    polygon_mask,
    shaded,
    tag_extent,
)
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

SHAPES = ("circle", "square", "triangle", "star", "cross")
TABLES: tuple[Color, ...] = (
    (198, 172, 140),
    (176, 150, 124),
    (190, 192, 188),
    (168, 178, 188),
    (92, 94, 102),
    (190, 180, 164),
)
NOVEL_TABLES: tuple[Color, ...] = ((178, 188, 172), (112, 92, 80), (186, 168, 172))
PLAIN_QUESTIONS = 2
"""How many questions about shapes and colours a scene offers, so that they do not crowd out the
others."""
APART = 0.2
"""Least distance of two shapes whose places are compared, as a share of the side."""
SMALLEST_BLOCK = 0.27
"""Least size of a block, as a share of the side."""
ON_BLOCK = 0.45
"""Most of a block's width that a tag on it takes."""
LARGE_CANVAS = 448
STAGGERED = {
    2: ((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)),
    3: ((0.0, 0.0, 0.5, 0.5), (0.5, 0.25, 1.0, 0.75), (0.0, 0.5, 0.5, 1.0)),
}
"""Cells of few blocks that do not stand in rows, as shares of the side; or mirrored."""
STAGGERED_SHARE = 0.35


Tag = tuple[int, int, str, int]
"""Left, top, text and type size of a paper tag."""


@dataclass(frozen=True)
class Block:
    """A shape on the table: its box, and what is on it."""

    shape: str
    color: str
    box: Box
    mask: Image.Image
    tag: Tag | None

    @property
    def middle(self) -> Point:
        """Middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


class ObjectsTask:
    """Two to five shapes. Questions: shape, colour, place, number of them, tags and patterns."""

    name = "objects"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws blocks in rows or staggered; in the novel layout, in a ring or below each other."""
        rng = sheet.rng
        least, most = (3, 5) if sheet.side >= LARGE_CANVAS else (2, 4)
        count = int(rng.integers(least, most + 1)) if sheet.side > 140 else 2
        shapes = [str(s) for s in rng.permutation(SHAPES)[:count]]
        colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
        tagged = set(rng.permutation(count)[: (count + int(rng.integers(2))) // 2].tolist())
        _draw_table(sheet)
        blocks = [
            _place(sheet, shape, color, cell, number in tagged)
            for number, (shape, color, cell) in enumerate(
                zip(shapes, colors, _cells(sheet, count), strict=True)
            )
        ]
        thick = max(2, sheet.side // 64)
        placed: list[Placed] = [(b.box[0], b.box[1] + thick, b.mask) for b in blocks]
        cast_shadows(sheet, placed, 2 * thick)
        questions: list[Question] = []
        blocks.sort(key=lambda b: b.tag is None)
        for block in blocks:
            _draw_block(sheet, block, thick)
            lost = any(q.need.high_res for q in questions)
            last = block is blocks[-1]  # nearly every scene has a question that needs more
            questions.append(_read(sheet, block, True if last and not lost else None))
        return questions + _ask_plain(sheet, blocks)


def outline(shape: str, size: int, turn: float) -> list[Point]:
    """Corners of a shape that fits into a square, turned by some degrees.

    Args:
        shape: One of `SHAPES`.
        size: Side of the square, in pixels.
        turn: Degrees, clockwise.
    """
    if shape == "circle":
        steps = 48
        radii = [1.0] * steps
    elif shape == "square":
        steps, radii, turn = 4, [1.18] * 4, turn + 45
    elif shape == "triangle":
        steps, radii = 3, [1.12] * 3
    elif shape == "star":
        steps, radii = 10, [1.04, 0.51] * 5
    else:  # the cross: three corners at the end of each arm
        arm = math.degrees(math.atan2(0.4, 1.0))
        angles = [90 * k + d for k in range(4) for d in (-arm, arm, 45)]
        reaches = [math.hypot(0.4, 1.0)] * 2 + [math.hypot(0.4, 0.4)]
        return _around(size, [math.radians(a + turn - 90) for a in angles], reaches * 4, 0.94)
    angles = [360 * k / steps for k in range(steps)]
    lower = {"triangle": 0.14, "star": 0.05}.get(shape, 0.0)
    return _around(size, [math.radians(a + turn - 90) for a in angles], radii, 0.98, lower)


def _around(
    size: int, angles: list[float], reaches: list[float], scale: float, lower: float = 0.0
) -> list[Point]:
    half = size / 2
    return [
        (
            half * (1 + scale * reach * math.cos(angle)),
            half * (1 + scale * reach * math.sin(angle) + 2 * lower),
        )
        for angle, reach in zip(angles, reaches, strict=True)
    ]


def _draw_table(sheet: Sheet) -> None:
    """Fills the sheet with boards, or with one plain top."""
    rng, side = sheet.rng, sheet.side
    tops = NOVEL_TABLES if sheet.style.novel else TABLES
    top = tops[int(rng.integers(len(tops)))]
    sheet.draw.rectangle((0, 0, side, side), fill=top)
    if rng.random() < 0.4:
        return
    boards = int(rng.integers(3, 6))
    for board in range(boards):
        low, high = board * side // boards, (board + 1) * side // boards
        box = (0, low, side, high) if not sheet.style.novel else (low, 0, high, side)
        color = shaded(top, float(rng.uniform(0.95, 1.04)))
        sheet.draw.rectangle(box, fill=color)
        for _ in range(3):  # the grain of the wood
            at = int(rng.integers(low + 2, high - 1))
            ends = sorted(int(v) for v in rng.integers(0, side, size=2))
            line = (
                (ends[0], at, ends[1], at) if not sheet.style.novel else (at, ends[0], at, ends[1])
            )
            sheet.draw.line(line, fill=shaded(color, 0.95))
        seam = (0, low, side, low) if not sheet.style.novel else (low, 0, low, side)
        sheet.draw.line(seam, fill=shaded(top, 0.84), width=max(1, side // 300))


def _cells(sheet: Sheet, count: int) -> list[Box]:
    """A cell for each block; none overlap."""
    rng, edge = sheet.rng, max(4, sheet.side // 30)
    if count in STAGGERED and not sheet.style.novel and rng.random() < STAGGERED_SHARE:
        rows = list(STAGGERED[count])
        if rng.random() < 0.5:
            rows = [(1 - right, top, 1 - left, bottom) for left, top, right, bottom in rows]
    elif sheet.style.novel:
        grid, cells = 3, [(1, 0, 3, 1), (2, 1, 3, 3), (0, 2, 2, 3), (0, 0, 1, 2), (1, 1, 2, 2)]
        if count <= 3:
            grid, cells = count, [(0, row, count, row + 1) for row in range(count)]
        rows = [(a / grid, b / grid, c / grid, d / grid) for a, b, c, d in cells[:count]]
    else:
        high = count // 2 if rng.random() < 0.5 else count - count // 2
        per_row = [high, count - high] if count > 2 else [2]
        rows = [
            (k / n, r / len(per_row), (k + 1) / n, (r + 1) / len(per_row))
            for r, n in enumerate(per_row)
            for k in range(n)
        ]
    room, gap = sheet.side - 2 * edge, max(2, sheet.side // 60)
    return [
        (
            edge + round(a * room) + gap,
            edge + round(b * room) + gap,
            edge + round(c * room) - gap,
            edge + round(d * room) - gap,
        )
        for a, b, c, d in rows
    ]


def _place(sheet: Sheet, shape: str, color: str, cell: Box, tagged: bool) -> Block:
    """Finds a place for a block in a cell, and for its tag if it has one."""
    rng = sheet.rng
    most = round(0.46 * sheet.side)
    if tagged:
        x, y, size, tag = _tagged_place(sheet, cell, most)
    else:
        left, top = max(cell[0], MARGIN), max(cell[1], MARGIN)
        wide = min(cell[2], sheet.side - MARGIN) - left
        tall = min(cell[3], sheet.side - MARGIN) - top
        room, tag = min(wide, tall, most) - 2, None
        size = 2 * int(rng.integers(round(room * 0.42), room // 2 + 1))
        x = left + int(rng.integers(0, wide - size))
        y = top + int(rng.integers(0, tall - size))
        x, y = x + x % 2, y + y % 2
    turn = float(rng.integers(-9, 10))
    mask = polygon_mask(size, size, outline(shape, size, turn))
    return Block(shape, color, (x, y, x + size, y + size), mask, tag)


def _tagged_place(sheet: Sheet, cell: Box, most: int) -> tuple[int, int, int, Tag]:
    """Left, top and size of a block that shares a cell with its tag, and the tag.

    A tag that is small beside the block lies on it. Others lie below the block, or beside it where
    the cell is wide, and cover a little of it.
    """
    rng = sheet.rng
    width, height = cell[2] - cell[0], cell[3] - cell[1]
    beside = width > 1.3 * height
    least = round(SMALLEST_BLOCK * sheet.side)
    text = two_digits(sheet, 1)[0]

    def room_beside(type_size: int) -> int:
        """Largest block beside or above the tag; nothing if the tag itself does not fit."""
        wide, tall = tag_extent(sheet, text, type_size)
        if wide > width - 2 or tall > height - 2:
            return 0
        return min(height, width - wide) if beside else min(width, height - tall + tall // 8)

    largest = max(40, sheet.side // 10)
    while largest > 10 and room_beside(largest) < least:
        largest -= 1
    type_size = sheet.type_size(largest)
    while type_size > 10 and room_beside(type_size) < least:  # some sizes are wider than the next
        type_size -= 1
    wide, tall = tag_extent(sheet, text, type_size)
    size = min(most, int(room_beside(type_size) * rng.uniform(0.88, 1)))
    if beside:
        spare = int(rng.integers(0, width - size - wide + 1))
        x, y = cell[0] + spare, cell[1] + int(rng.integers(0, height - size + 1))
        at = (x + size, cell[1] + int(rng.integers(0, height - tall + 1)))
        if rng.random() < 0.5:
            at, x = (x, at[1]), x + wide
        at = _on_block(sheet, x, y, size, (wide, tall)) or at
        return x, y, size, (*at, text, type_size)
    spare = int(rng.integers(0, height - size - tall + tall // 8 + 1))
    x, y = cell[0] + int(rng.integers(0, width - size + 1)), cell[1] + spare
    furthest = cell[2] - wide
    low = min(max(cell[0], x - wide // 3), furthest)
    high = max(low, min(furthest, x + size - wide + wide // 3))
    at = (int(rng.integers(low, high + 1)), y + size - tall // 8)
    at = _on_block(sheet, x, y, size, (wide, tall)) or at
    return x, y, size, (*at, text, type_size)


def _on_block(
    sheet: Sheet, x: int, y: int, size: int, extent: tuple[int, int]
) -> tuple[int, int] | None:
    """Where a tag lies on a block, about its middle; None if it would hide what the block is."""
    if extent[0] > ON_BLOCK * size:
        return None
    dx, dy = (int(v) for v in sheet.rng.integers(-size // 16, size // 16 + 1, size=2))
    return x + (size - extent[0]) // 2 + dx, y + (size - extent[1]) // 2 + size // 20 + dy


def _draw_block(sheet: Sheet, block: Block, thick: int) -> None:
    """Draws a block as a thick piece of wood, and its tag."""
    color = sheet.style.colors[block.color]
    left, top = block.box[:2]
    for step in range(thick, 0, -2):
        sheet.image.paste(shaded(color, 0.78), (left, top + step), block.mask)
    sheet.image.paste(color, (left, top), block.mask)
    mark_shape(sheet, block.shape, left, top, block.mask)
    if block.tag:
        paper_tag(sheet, *block.tag)


def _read(sheet: Sheet, block: Block, fine: bool | None) -> Question:
    """The question about a block's tag, or about its pattern."""
    by_shape = sheet.rng.random() < 0.5
    name = block.shape if by_shape else f"{block.color} shape"
    if block.tag:
        x, y, text, size = block.tag
        wide, tall = tag_extent(sheet, text, size)
        box = _joined(block.box, (x, y, x + wide, y + tall))
        return sheet.text_question(f"What number is on the {name}?", text, box, [size])
    area = sheet.hatch(block.box, block.mask, fine=fine)
    return sheet.pattern_question(f"What pattern is on the {name}?", area)


def _ask_plain(sheet: Sheet, blocks: list[Block]) -> list[Question]:
    """Some questions about shapes, colours, places and their number."""
    rng = sheet.rng
    whole: Box = (0, 0, sheet.side, sheet.side)
    block = blocks[int(rng.integers(len(blocks)))]
    colors = [b.color for b in blocks]
    absent = [c for c in sheet.style.colors if c not in colors]
    asked = [
        sheet.plain_question(f"What color is the {block.shape}?", block.color, block.box),
        sheet.plain_question(f"What shape is {block.color}?", block.shape, block.box),
        sheet.plain_question("How many shapes are there?", str(len(blocks)), whole),
    ]
    there = rng.random() < 0.5
    color = str(rng.choice(colors if there else absent))
    answer, article = "yes" if there else "no", "an" if color == "orange" else "a"
    asked.append(sheet.plain_question(f"Is there {article} {color} shape?", answer, whole))
    which = sheet.plain_question(f"Which shape is {block.color}?", block.shape, block.box)
    asked.append(offer(sheet, which, SHAPES, 3))
    compared = _ask_place(sheet, blocks)
    picked = [asked[int(k)] for k in rng.permutation(len(asked))[:PLAIN_QUESTIONS]]
    return [*picked, compared] if compared else picked


def _ask_place(sheet: Sheet, blocks: list[Block]) -> Question | None:
    """Whether one shape is left of or above another; None if none are clearly apart."""
    rng, pairs = sheet.rng, []
    for one in blocks:
        for other in blocks:
            for axis, word in enumerate(("left of", "above")):
                distance = other.middle[axis] - one.middle[axis]
                if abs(distance) >= APART * sheet.side:
                    pairs.append((one, other, word, distance > 0))
    if not pairs:
        return None
    one, other, word, true = pairs[int(rng.integers(len(pairs)))]
    text = f"Is the {one.shape} {word} the {other.shape}?"
    return sheet.plain_question(text, "yes" if true else "no", _joined(one.box, other.box))


def _joined(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )
