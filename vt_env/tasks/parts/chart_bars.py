"""Bar charts: upright, or lying in the novel layout; with numbers, names and hatching."""

from __future__ import annotations

from collections.abc import Sequence

from vt_env.tasks.composing import (
    graded_sizes,
    ink_size,
    inset,
    some_fine,
    two_digits,
    union,
    widest_number,
    write_middle,
)
from vt_env.tasks.hatching import even
from vt_env.tasks.legibility import LARGE
from vt_env.tasks.parts.chart_frame import (
    Names,
    draw_axes,
    draw_names,
    edge,
    item_question,
    largest_type,
    legend_bound,
    legend_fits,
    line_width,
    write_legend,
    write_title,
)
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

SPACIOUS = 300
"""Side in pixels from which on there is room for several parts."""
HATCH_INSET = 4
LEAST_HATCHED = 32
"""Height of the smallest hatched bar, in pixels."""


def draw_bars(sheet: Sheet) -> tuple[list[Question], list[str]]:
    """Draws a bar chart; its questions and its colours."""
    rng, side, across = sheet.rng, sheet.side, sheet.style.novel
    most = 3 if side < 224 else 4 if side < 448 else 6
    count = 2 if side < 150 else int(rng.integers(2 if side < 448 else 3, most + 1))
    colors = [str(c) for c in rng.permutation(list(sheet.style.colors))[:count]]
    names = draw_names(sheet, count)
    parts = _parts(sheet, count)
    bounds = {
        "title": largest_type(sheet),
        "legend": legend_bound(sheet, count),
        "ticks": _tick_bound(sheet, count),
        "numbers": min(largest_type(sheet), _number_bound(sheet, count)),
    }
    typed = [part for part in bounds if part in parts]
    drawn = graded_sizes(sheet, [bounds[part] for part in typed], lost="hatch" not in parts)
    sizes = dict(zip(typed, drawn, strict=True))
    room: Box = (edge(sheet) - 4, 2, side - edge(sheet) + 4, side - edge(sheet) + 4)
    questions = []
    if "title" in parts:
        room, asked = write_title(sheet, room, names, sizes["title"])
        questions.append(asked)
    if "legend" in parts:
        room, more = write_legend(sheet, room, colors, names, sizes["legend"])
        questions += more
    plot = _plot(sheet, room, sizes)
    ground = draw_axes(sheet, plot, across)
    lengths = _lengths(sheet, plot, count, sizes, across)
    bars = _bars(plot, lengths, across, line_width(sheet))
    for color, bar in zip(colors, bars, strict=True):
        sheet.draw.rectangle(
            (bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill=sheet.style.colors[color]
        )
        sheet.mark("bar", bar)
    if "hatch" in parts:
        questions += _hatched(sheet, colors, bars)
    if "numbers" in parts:
        questions += _numbers(sheet, ground, colors, bars, sizes["numbers"])
    if "ticks" in parts:
        questions += _ticks(sheet, plot, colors, bars, names, sizes["ticks"])
    return questions + _plain(sheet, plot, colors, lengths), colors


def _parts(sheet: Sheet, count: int) -> set[str]:
    """What the chart has besides bars; little on a small canvas."""
    rng, parts = sheet.rng, set()
    if rng.random() < 0.5:
        parts.add("hatch")
    if "hatch" not in parts or (sheet.side >= 224 and rng.random() < 0.4):
        parts.add("numbers")
    # a chart with numbers alone would have to have small ones to have anything small
    if sheet.side >= 150 and (rng.random() < 0.5 or "hatch" not in parts):
        parts.add("title")
    if rng.random() < 0.5:
        if sheet.side >= SPACIOUS and _tick_bound(sheet, count) >= LARGE and rng.random() < 0.5:
            parts.add("ticks")
        elif _legend_fits(sheet, count, parts):
            parts.add("legend")
    return parts


def _legend_fits(sheet: Sheet, count: int, parts: set[str]) -> bool:
    """Whether a legend leaves room for bars that are plain to see."""
    if not legend_fits(sheet, count):
        return False
    if sheet.side < SPACIOUS:
        return not parts & {"title", "numbers"}
    if sheet.style.novel:  # bars that lie need height for each
        return sheet.side * 0.46 - 50 * ("title" in parts) - 24 >= 30 * count
    return not parts >= {"title", "numbers"}


def _tick_bound(sheet: Sheet, count: int) -> int:
    """Largest type of a name that fits beside its neighbours below the bars."""
    slot = (sheet.side - 2 * edge(sheet)) // count
    return max(10, min(largest_type(sheet), int(slot / 2.7)))


def _number_bound(sheet: Sheet, count: int) -> int:
    """Largest type of a number that fits beside its neighbours above the bars."""
    slot = (sheet.side - 2 * edge(sheet)) // count
    size = largest_type(sheet)
    while widest_number(sheet, size) > slot - 3:
        size -= 1
    return size


def _plot(sheet: Sheet, room: Box, sizes: dict[str, int]) -> Box:
    """The area within the axes."""
    left, top, right, bottom = room
    inner = (left + 4, top + 6, right - 4, bottom - 4)
    if "ticks" not in sizes:
        return inner
    if sheet.style.novel:  # names stand to the left of the bars that lie
        return inner[0] + int(sizes["ticks"] * 2.7) + 6, *inner[1:]
    return *inner[:3], inner[3] - round(sizes["ticks"] * 1.3)


def _lengths(sheet: Sheet, plot: Box, count: int, sizes: dict[str, int], across: bool) -> list[int]:
    """Draws lengths of bars in pixels, clearly different, none near another."""
    rng = sheet.rng
    room = plot[2] - plot[0] if across else plot[3] - plot[1]
    room -= 6
    if "numbers" in sizes:
        size = sizes["numbers"]
        room -= widest_number(sheet, size) + 6 if across else size + 4
    least = max(LEAST_HATCHED, int(room * 0.3)) if room > 48 else room // 3
    step = max(10, sheet.side // 16)
    levels = max(count, min(8, (room - least) // step + 1))
    chosen = rng.permutation(levels)[:count]
    spread = (room - least) / (levels - 1)
    slack = int(max(0, spread - 10) * 0.3)
    wobble = rng.integers(0, slack + 1, size=count)
    return [
        int(least + level * spread) - int(less) for level, less in zip(chosen, wobble, strict=True)
    ]


def _bars(plot: Box, lengths: Sequence[int], across: bool, axis: int) -> list[Box]:
    """Boxes of the bars on their axis, from left to right or from the top down."""
    left, top, right, bottom = plot
    slot = ((bottom - top) if across else (right - left)) / len(lengths)
    thick = slot * (0.8 if across else 0.7)
    bars = []
    for number, length in enumerate(lengths):
        start = round((number + 0.5) * slot - thick / 2)
        end = round((number + 0.5) * slot + thick / 2)
        if across:
            bars.append((left + axis, top + start, left + length, top + end))
        else:
            bars.append((left + start, bottom - length, left + end, bottom - axis))
    return bars


def _hatched(sheet: Sheet, colors: Sequence[str], bars: Sequence[Box]) -> list[Question]:
    """Hatches the bars."""
    questions = []
    for color, bar, fine in zip(colors, bars, some_fine(sheet, len(bars)), strict=True):
        area = sheet.hatch(even(inset(bar, HATCH_INSET)), fine=fine)
        questions.append(sheet.pattern_question(f"What pattern is on the {color} bar?", area))
    return questions


def _numbers(
    sheet: Sheet, ground: Color, colors: Sequence[str], bars: Sequence[Box], size: int
) -> list[Question]:
    """Writes a number at the end of each bar; it says nothing about the bar's length."""
    questions = []
    numbers = two_digits(sheet, len(bars))
    half = widest_number(sheet, size) / 2
    for color, bar, number in zip(colors, bars, numbers, strict=True):
        x, y = (bar[0] + bar[2]) / 2, bar[1] - 4 - size * 0.37
        if sheet.style.novel:
            x, y = bar[2] + 4 + half, (bar[1] + bar[3]) / 2
        width, height = (v / 2 + 2 for v in ink_size(sheet, number, size))
        clear = (x - width, y - height, x + width, y + height)  # no grid behind the number
        sheet.draw.rectangle(clear, fill=ground)
        box = union(bar, write_middle(sheet, (x, y), number, size))
        text = f"What number is on the {color} bar?"
        questions.append(sheet.text_question(text, number, box, [size]))
    return questions


def _ticks(
    sheet: Sheet, plot: Box, colors: Sequence[str], bars: Sequence[Box], names: Names, size: int
) -> list[Question]:
    """Writes a name at the foot of each bar."""
    questions = []
    for color, bar, item in zip(colors, bars, names.items, strict=True):
        if sheet.style.novel:
            y = (bar[1] + bar[3]) // 2 - round(size * 0.61)
            box = sheet.write(plot[0] - 5, y, item, size, anchor="r")
        else:
            box = sheet.write((bar[0] + bar[2]) // 2, plot[3] + 2, item, size, anchor="m")
        questions.append(item_question(sheet, color, item, union(bar, box), size))
    return questions


def _plain(
    sheet: Sheet, plot: Box, colors: Sequence[str], lengths: Sequence[int]
) -> list[Question]:
    """Questions that need no high resolution."""
    largest = colors[lengths.index(max(lengths))]
    smallest = colors[lengths.index(min(lengths))]
    return [
        sheet.plain_question("What color is the largest bar?", largest, plot),
        sheet.plain_question("What color is the smallest bar?", smallest, plot),
        sheet.plain_question("How many bars are there?", str(len(colors)), plot),
    ]
