"""Composing a scene: type sizes, places, multiple choice; helpers that several families share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PIL import Image, ImageDraw

from vt_env.tasks.legibility import SIZES, SMALL
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box, Question

Point = tuple[float, float]
LETTERS = "ABCDEF"
FINE_SHARE = 0.5
"""Share of hatched areas that are fine."""
OFFERED = 0.2
"""Share of the scenes in which a question may be multiple choice."""


def ink_size(sheet: Sheet, text: str, size: int) -> tuple[int, int]:
    """Width and height of a text's ink, in pixels."""
    mask, _ = sheet.lettering(text, size)
    return mask.size


def write_middle(sheet: Sheet, at: Point, text: str, size: int, ink: Color | None = None) -> Box:
    """Writes a text so that the middle of its ink lies at a point; the box of the ink."""
    mask, (dx, dy) = sheet.lettering(text, size)
    x, y = round(at[0] - mask.width / 2) - dx, round(at[1] - mask.height / 2) - dy
    return sheet.write(x, y, text, size, ink)


def widest_number(sheet: Sheet, size: int) -> int:
    """Width in pixels that any two-digit number fits into, whatever the face."""
    return math.ceil(ink_size(sheet, "88", size)[0] * 1.1) + 1


def graded_sizes(sheet: Sheet, largest: Sequence[int], lost: bool = True) -> list[int]:
    """Draws type sizes.

    Args:
        sheet: What they are for.
        largest: Bound of each.
        lost: Whether at least one should be lost in the halved image; a single one is not always,
            or its question would nearly always need high resolution.
    """
    sizes = [sheet.type_size(bound) for bound in largest]
    lost = lost and (len(sizes) > 1 or bool(sheet.rng.random() < 0.5))
    if lost and sizes and min(sizes) > SMALL:
        sizes[int(sheet.rng.integers(len(sizes)))] = small_size(sheet)
    return sizes


def small_size(sheet: Sheet) -> int:
    """Draws a type size that is lost in the halved image."""
    low, high = SIZES["need"]
    return int(sheet.rng.integers(low, high + 1))


def some_fine(sheet: Sheet, count: int) -> list[bool]:
    """Which of some areas to hatch too finely for the halved image; nearly always at least one."""
    fine = [bool(f) for f in sheet.rng.random(count) < FINE_SHARE]
    if fine and not any(fine) and sheet.rng.random() < 0.8:
        fine[int(sheet.rng.integers(count))] = True
    return fine


def two_digits(sheet: Sheet, count: int) -> list[str]:
    """Different two-digit numbers, uniform."""
    return [str(n) for n in sheet.rng.choice(90, size=count, replace=False) + 10]


def offer(
    sheet: Sheet, question: Question, options: Sequence[str], count: int | None = None
) -> Question:
    """Makes a multiple-choice question of a question, with its options in drawn order.

    Args:
        sheet: What the question is about.
        question: Its text ends in a question mark; its answer is one of the options.
        options: What could be offered.
        count: How many of them are, the right one among them; None: all.
    """
    wrong = [str(o) for o in sheet.rng.permutation([o for o in options if o != question.answer])]
    drawn = wrong[: count - 1] if count else wrong
    drawn.insert(int(sheet.rng.integers(len(drawn) + 1)), question.answer)
    letters = dict(zip(drawn, LETTERS, strict=False))
    listed = [f"{letter} {option}" for option, letter in letters.items()]
    text = f"{question.text[:-1]}: {', '.join(listed[:-1])} or {listed[-1]}?"
    twins = {pattern: letters[answer] for pattern, answer in question.twins.items()}
    return replace(
        question,
        text=text,
        answer=letters[question.answer],
        kind="choice",
        choices=tuple(drawn),
        twins=twins,
    )


def offer_one(
    sheet: Sheet, questions: list[Question], options: Mapping[str, Sequence[str]]
) -> list[Question]:
    """Makes one question multiple choice now and then, where its options are few.

    Args:
        sheet: What the questions are about.
        questions: The questions.
        options: Options of the questions that begin like a key.
    """
    if sheet.rng.random() >= OFFERED:
        return questions
    fit = [
        (number, start)
        for number, question in enumerate(questions)
        for start in options
        if question.text.startswith(start)
    ]
    if not fit:
        return questions
    chosen, start = fit[int(sheet.rng.integers(len(fit)))]
    told = offer(sheet, questions[chosen], options[start])
    return [*questions[:chosen], told, *questions[chosen + 1 :]]


def smoothly(sheet: Sheet, box: Box, paint: Callable[[ImageDraw.ImageDraw, int], None]) -> None:
    """Paints in a part of the sheet with smooth edges.

    Args:
        sheet: The sheet.
        box: The part; `paint` sees its left top corner as the origin.
        paint: Gets what to draw with and how many times enlarged; it draws as much larger.
    """
    factor = 3 if sheet.side < 200 else 2
    patch = sheet.image.crop(box)
    large = patch.resize((patch.width * factor, patch.height * factor), Image.Resampling.NEAREST)
    paint(ImageDraw.Draw(large), factor)
    sheet.image.paste(large.reduce(factor), box[:2])


def mark_around(sheet: Sheet, thing: str, points: Sequence[Point], reach: float) -> None:
    """Marks a thing that lies around some points, where it is on the sheet."""
    across, down = zip(*points, strict=True)
    low = (math.floor(min(across) - reach), math.floor(min(down) - reach))
    high = (math.ceil(max(across) + reach), math.ceil(max(down) + reach))
    left, top, right, bottom = (min(max(v, 0), sheet.side) for v in (*low, *high))
    sheet.mark(thing, (left, top, right, bottom))


def union(*boxes: Box) -> Box:
    """The smallest box that holds all of some boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def inset(box: Box, by: int) -> Box:
    """A box moved inwards on all sides."""
    return box[0] + by, box[1] + by, box[2] - by, box[3] - by
