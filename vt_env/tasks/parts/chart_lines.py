"""Line charts: one or two lines with markers, a number at the end of each, or at its beginning."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import ImageDraw

from vt_env.tasks.composing import (
    Point,
    graded_sizes,
    mark_around,
    smoothly,
    two_digits,
    union,
    widest_number,
    write_middle,
)
from vt_env.tasks.legibility import TOKEN
from vt_env.tasks.parts.chart_frame import draw_axes, draw_names, edge, largest_type, write_title
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.task import Box, Question

RISING, FALLING, PEAKED = "rising", "falling", "peaked"
BESIDE = 8
"""Pixels to the left and right of the number beside a line, together."""
HIGHEST = {RISING: "right", FALLING: "left", PEAKED: "middle"}


def draw_lines(sheet: Sheet) -> tuple[list[Question], list[str]]:
    """Draws a line chart; its questions and its colours."""
    rng, side = sheet.rng, sheet.side
    count = 1 if side < 150 or rng.random() < 0.45 else 2
    colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
    names = draw_names(sheet, count)
    titled = side >= 150 and bool(rng.random() < 0.9)
    sizes = graded_sizes(sheet, [largest_type(sheet)] * (1 + titled))
    room: Box = (edge(sheet) - 4, 2, side - edge(sheet) + 4, side - edge(sheet) + 6)
    questions = []
    if titled:
        room, asked = write_title(sheet, room, names, sizes[1])
        questions.append(asked)
    beside = widest_number(sheet, sizes[0]) + BESIDE
    left, top, right, bottom = room
    plot = (left + 4, top + 6, right - beside, bottom - 6)
    if sheet.style.mirrored:  # numbers stand where the lines begin
        plot = (left + beside, top + 6, right - 4, bottom - 6)
    draw_axes(sheet, plot)
    shapes = [str(s) for s in rng.choice((RISING, FALLING, PEAKED), size=count, p=(0.4, 0.4, 0.2))]
    lines = _lines(sheet, plot, shapes, sizes[0])
    _paint(sheet, plot, colors, lines)
    questions += _numbers(sheet, plot, colors, lines, sizes[0])
    for color, shape in zip(colors, shapes, strict=True):
        which = "line" if count == 1 else f"{color} line"
        if shape != PEAKED:
            answer = "yes" if shape == RISING else "no"
            questions.append(sheet.plain_question(f"Is the {which} rising?", answer, plot))
        text = f"Where is the {which} highest?"
        questions.append(sheet.plain_question(text, HIGHEST[shape], plot))
    questions.append(sheet.plain_question("How many lines are there?", str(count), plot))
    return questions, colors


def _lines(sheet: Sheet, plot: Box, shapes: Sequence[str], size: int) -> list[list[Point]]:
    """Points of the lines; numbers at their ends have room."""
    rng = sheet.rng
    points = int(rng.integers(4, 6 if sheet.side < 300 else 9))
    if PEAKED in shapes:
        points += 1 - points % 2
    pad = max(6, sheet.side // 28)
    low, high = plot[3] - pad, plot[1] + pad
    apart = max(TOKEN, size * 0.78 + 5) / (low - high)
    first = 0 if sheet.style.mirrored else -1  # the point that the number stands beside
    while True:
        heights = [_heights(sheet, shape, points) for shape in shapes]
        if len(shapes) == 1:
            break
        if shapes[0] == shapes[1] == PEAKED:
            heights[1] = [0.45 + 0.3 * h for h in heights[1]]
        elif min(h[first] for h in heights) > 0.5:
            heights[1] = [0.5 * h for h in heights[1]]
        elif max(h[first] for h in heights) < 0.5:
            heights[1] = [0.5 + 0.5 * h for h in heights[1]]
        if abs(heights[0][first] - heights[1][first]) > apart:
            break
    step = (plot[2] - plot[0] - 2 * pad) / (points - 1)
    return [
        [(plot[0] + pad + step * n, low + (high - low) * h) for n, h in enumerate(line)]
        for line in heights
    ]


def _heights(sheet: Sheet, shape: str, points: int) -> list[float]:
    """Heights of a line's points as shares of the plot's height."""
    high = float(sheet.rng.uniform(0.8, 1.0))
    if shape == PEAKED:
        up, down = (_climb(sheet, points // 2 + 1, high) for _ in range(2))
        return up + down[-2::-1]
    line = _climb(sheet, points, high)
    return line if shape == RISING else line[::-1]


def _climb(sheet: Sheet, points: int, high: float) -> list[float]:
    """Heights that rise from the lower part of the plot to the upper."""
    rng = sheet.rng
    low = float(rng.uniform(0, 0.3))
    steps = rng.uniform(0.4, 1.0, size=points - 1).cumsum()
    return [low] + [low + (high - low) * float(s) for s in steps / steps[-1]]


def _paint(
    sheet: Sheet, plot: Box, colors: Sequence[str], lines: Sequence[Sequence[Point]]
) -> None:
    """Paints the lines and their markers with smooth edges."""
    side = sheet.side
    thick, dot = max(3.0, side / 110), max(3.5, side / 75)
    markers = str(sheet.rng.choice(("none", "round", "square")))

    def paint(draw: ImageDraw.ImageDraw, factor: int) -> None:
        for color, line in zip(colors, lines, strict=True):
            shade = sheet.style.colors[color]
            at = [((x - plot[0]) * factor, (y - plot[1]) * factor) for x, y in line]
            draw.line(at, fill=shade, width=round(thick * factor), joint="curve")
            reach = (thick / 2 if markers == "none" else dot) * factor
            for x, y in at:
                box = (x - reach, y - reach, x + reach, y + reach)
                if markers == "square":
                    draw.rectangle(box, fill=shade)
                else:
                    draw.ellipse(box, fill=shade)

    smoothly(sheet, plot, paint)


def _numbers(
    sheet: Sheet, plot: Box, colors: Sequence[str], lines: Sequence[Sequence[Point]], size: int
) -> list[Question]:
    """Writes a number beside each line; it says nothing about the line's height."""
    questions = []
    half = widest_number(sheet, size) / 2
    numbers = two_digits(sheet, len(lines))
    for color, line, number in zip(colors, lines, numbers, strict=True):
        if sheet.style.mirrored:
            end, x = line[0], plot[0] - BESIDE / 2 - half
        else:
            end, x = line[-1], plot[2] + BESIDE / 2 + half
        ink = write_middle(sheet, (x, end[1]), number, size)
        which = "line" if len(lines) == 1 else f"{color} line"
        text = f"What number is on the {which}?"
        mark = (int(end[0]) - 2, int(end[1]) - 2, int(end[0]) + 3, int(end[1]) + 3)
        box = union(ink, mark)
        questions.append(sheet.text_question(text, number, box, [size]))
        sheet.mark("line", box)
        for point in line:
            mark_around(sheet, "line", [point], max(4, sheet.side / 40))
    return questions
