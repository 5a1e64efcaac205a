"""What all charts have in common: title, legend, axes, and the room that is left for the plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vt_env.tasks.composing import union
from vt_env.tasks.legibility import LARGE
from vt_env.tasks.lettering import line_height
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question
from vt_env.tasks.vocabulary import ITEMS

PANEL: Color = (230, 230, 236)
GRID: Color = (208, 208, 212)
WHITE: Color = (255, 255, 255)


@dataclass(frozen=True)
class Names:
    """Goods of a chart: what its title says, and what each colour stands for."""

    title: str
    items: tuple[str, ...]


def draw_names(sheet: Sheet, count: int) -> Names:
    """Draws the title and as many different goods, the title among neither."""
    drawn = [str(item) for item in sheet.rng.permutation(list(ITEMS))]
    return Names(drawn[-1], tuple(drawn[:count]))


def edge(sheet: Sheet) -> int:
    """Pixels between the plot and the edge of the sheet."""
    return max(10, sheet.side // 40)


def largest_type(sheet: Sheet) -> int:
    """Bound on type in a chart, so that it stays in proportion."""
    return max(LARGE + 4, int(sheet.side * 0.12))


def legend_fits(sheet: Sheet, count: int) -> bool:
    """Whether there is room for a legend in legible type, one row below the other."""
    return count * _row(LARGE) <= sheet.side * 0.46


def legend_bound(sheet: Sheet, count: int) -> int:
    """Largest type of a legend."""
    size = largest_type(sheet)
    while count * _row(size) > sheet.side * 0.46:
        size -= 1
    return size


def write_title(sheet: Sheet, room: Box, names: Names, size: int) -> tuple[Box, Question]:
    """Writes the title above the plot, or below it in the novel layout.

    Returns:
        The room that is left, and the question.
    """
    left, top, right, bottom = room
    height = line_height(size)
    y = bottom - height if sheet.style.novel else top
    place = "m" if sheet.rng.random() < 0.7 else "l"
    x = (left + right) // 2 if place == "m" else left
    box = sheet.write(x, y, names.title, size, anchor=place)
    sheet.mark("title", box)
    left_over = (left, top, right, y) if sheet.style.novel else (left, y + height, right, bottom)
    question = sheet.text_question("What is the title?", names.title.lower(), box, [size])
    return left_over, question


def write_legend(
    sheet: Sheet, room: Box, colors: Sequence[str], names: Names, size: int
) -> tuple[Box, list[Question]]:
    """Writes a legend below the plot, or above it in the novel layout.

    Returns:
        The room that is left, and a question for each entry.
    """
    swatch, gap = max(9, round(size * 0.6)), max(4, size // 5)
    widths = [swatch + gap + sheet.measure(item, size)[0] for item in names.items]
    between = max(8, size // 2)
    one_row = sum(widths) + between * (len(widths) - 1) <= room[2] - room[0]
    height = _row(size) * (1 if one_row else len(widths)) + size // 4
    left, top, right, bottom = room
    y = top if sheet.style.novel else bottom - height
    x = left
    if one_row:
        x += (right - left - sum(widths) - between * (len(widths) - 1)) // 2
    else:
        x += (right - left - max(widths)) // 2
    questions = []
    for color, item, width in zip(colors, names.items, widths, strict=True):
        ink = sheet.write(x + swatch + gap, y, item, size)
        middle = y + round(size * 0.61)
        mark: Box = (x, middle - swatch // 2, x + swatch, middle - swatch // 2 + swatch)
        sheet.draw.rectangle(_closed(mark), fill=sheet.style.colors[color])
        questions.append(item_question(sheet, color, item, union(mark, ink), size))
        if one_row:
            x += width + between
        else:
            y += _row(size)
    over = (left, top + height, right, bottom), (left, top, right, bottom - height)
    return over[0] if sheet.style.novel else over[1], questions


def item_question(sheet: Sheet, color: str, item: str, box: Box, size: int) -> Question:
    """The question for what a colour stands for."""
    return sheet.text_question(f"Which item is {color}?", item.lower(), box, [size])


def draw_axes(sheet: Sheet, plot: Box, across: bool = False) -> Color:
    """Draws the plot's background, grid and axes.

    Args:
        sheet: The sheet.
        plot: The area.
        across: Whether values grow to the right instead of upwards.

    Returns:
        Colour of the background.
    """
    rng, thin, draw = sheet.rng, line_width(sheet), sheet.draw
    left, top, right, bottom = plot
    look = str(rng.choice(("bare", "framed", "panel")))
    ground = {"bare": sheet.style.paper, "framed": WHITE, "panel": PANEL}[look]
    draw.rectangle(_closed(plot), fill=ground)
    lines = int(rng.integers(3, 6)) if look == "panel" or rng.random() < 0.5 else 0
    shade = WHITE if look == "panel" else GRID
    for number in range(1, lines):
        if across:
            x = left + (right - left) * number // lines
            draw.rectangle((x, top, x + thin - 1, bottom - 1), fill=shade)
        else:
            y = top + (bottom - top) * number // lines
            draw.rectangle((left, y, right - 1, y + thin - 1), fill=shade)
    if look == "framed":
        draw.rectangle(_closed(plot), outline=sheet.style.ink, width=thin)
    elif look == "bare":
        draw.rectangle((left, top, left + thin - 1, bottom - 1), fill=sheet.style.ink)
        draw.rectangle((left, bottom - thin, right - 1, bottom - 1), fill=sheet.style.ink)
    return ground


def line_width(sheet: Sheet) -> int:
    """Width of axes and grid, in pixels."""
    return max(1, sheet.side // 300)


def _row(size: int) -> int:
    """Height of a legend's row."""
    return max(14, round(size * 1.15))


def _closed(box: Box) -> Box:
    """A box as Pillow wants it: with its last pixels instead of its ends."""
    return box[0], box[1], box[2] - 1, box[3] - 1
