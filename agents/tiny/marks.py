"""Dense supervision for the vision tower: what every visual token holds.

Type of ten pixels is not learned from answers alone in any useful time. Asking for every visual
token which digits and words have their centre in it, and which pattern, colours and things cover
it, teaches the tower to read in minutes. A number's tokens are also asked what it belongs to: the
item in its row, the colour or shape that it stands on. Without that, a price is looked up no better
than by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vt_env.tasks import Box, Question, Sheet
from vt_env.tasks.families.objects import SHAPES
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.sheet import Written
from vt_env.tasks.style import COLORS
from vt_env.tasks.vocabulary import ITEMS, THINGS

DIGITS = 20
"""Ten digits in the first place of a number, ten in the second."""
TEXTS = DIGITS + len(ITEMS)
PAINTED = TEXTS + len(PATTERNS) - 1
NAMED = PAINTED + len(COLORS)
TIED = NAMED + len(THINGS)
OWNERS = (*(item.lower() for item in ITEMS), *COLORS, *SHAPES)
"""What a number can belong to, by the word that a question uses."""
MARK_CLASSES = TIED + len(OWNERS) * DIGITS
"""Digits, words, patterns that are not plain, named colours, things; and digits by owner."""
COVER, STRIDE = 0.15, 2
"""Share of a token that a colour covers to count, looked at in every other pixel."""
LEGIBLE = 8
"""Type of fewer pixels than this, as shown, is asked of nobody."""


@dataclass(frozen=True)
class Tie:
    """A number on a sheet, and what it belongs to, one of `OWNERS`."""

    owner: str
    number: Written


def ties_of(sheet: Sheet, questions: Sequence[Question]) -> tuple[Tie, ...]:
    """The numbers that questions ask for, tied to the words that they name them by."""
    return tuple(
        Tie(word, number)
        for question in questions
        if question.answer.isdigit()
        for number in [written_in(sheet, question.answer, question.box)]
        if number is not None
        for word in re.findall("[a-z]+", question.text.lower())
        if word in OWNERS
    )


def written_in(sheet: Sheet, text: str, box: Box) -> Written | None:
    """The first such text whose middle lies in a box, in whatever case; None if there is none."""
    left, top, right, bottom = box
    for written in sheet.written:
        x, y = (written.box[0] + written.box[2]) / 2, (written.box[1] + written.box[3]) / 2
        if written.text.lower() == text and left <= x < right and top <= y < bottom:
            return written
    return None


def mark_targets(sheet: Sheet, ties: Sequence[Tie], shown: int, block: int) -> NDArray[np.float32]:
    """Which marks each visual token holds.

    Args:
        sheet: The page or scene.
        ties: What its numbers belong to.
        shown: Side of the view of it, in pixels.
        block: Side of a visual token, in pixels of the view.

    Returns:
        float32 of shape (tokens, MARK_CLASSES), zeros and ones, row by row.
    """
    grid = shown // block
    targets = np.zeros((grid, grid, MARK_CLASSES), dtype=np.float32)
    cell = sheet.side / grid
    for written in sheet.written:
        if written.size * block / cell < LEGIBLE:
            continue
        for x, y, label in _glyphs(written):
            targets[int(y / cell), int(x / cell), label] = 1.0
    for tie in ties:
        if tie.number.size * block / cell < LEGIBLE:
            continue
        for x, y, label in _glyphs(tie.number):
            place = TIED + OWNERS.index(tie.owner) * DIGITS + label
            targets[int(y / cell), int(x / cell), place] = 1.0
    middles = (np.arange(grid) + 0.5) * cell
    for area in sheet.hatched:
        left, top, right, bottom = area.box
        lost = area.fine and shown < sheet.side
        if area.pattern == PATTERNS[-1] or lost or area.mask is not None:
            continue
        rows = (middles > top) & (middles < bottom)
        columns = (middles > left) & (middles < right)
        label = TEXTS + PATTERNS.index(area.pattern)
        targets[rows[:, None] & columns[None, :], label] = 1.0
    targets[:, :, PAINTED:NAMED] = _painted(sheet, grid)
    targets[:, :, NAMED:TIED] = _things(sheet, grid)
    return targets.reshape(grid * grid, MARK_CLASSES)


def _painted(sheet: Sheet, grid: int) -> NDArray[np.float32]:
    """Which named colours each token is painted with, (grid, grid, colours)."""
    pixels = np.asarray(sheet.image)[::STRIDE, ::STRIDE]
    cell = pixels.shape[0] // grid
    planes = np.moveaxis(pixels[: grid * cell, : grid * cell].astype(np.int16), 2, 0).copy()
    painted = np.zeros((grid, grid, len(sheet.style.colors)), dtype=np.float32)
    for label, color in enumerate(sheet.style.colors.values()):
        red, green, blue = (
            np.abs(plane - level) < 10 for plane, level in zip(planes, color, strict=True)
        )
        covered = (red & green & blue).reshape(grid, cell, grid, cell).sum(axis=(1, 3))
        painted[:, :, label] = covered / cell**2 > COVER
    return painted


def _things(sheet: Sheet, grid: int) -> NDArray[np.float32]:
    """Which things each token shows, (grid, grid, things): those it is covered by, and middles."""
    shown = np.zeros((grid, grid, len(THINGS)), dtype=np.float32)
    scale = grid / sheet.side
    for thing, box in sheet.marked:
        label = THINGS.index(thing)
        left, top, right, bottom = (v * scale for v in box)
        shown[round(top) : round(bottom), round(left) : round(right), label] = 1.0
        shown[int((top + bottom) / 2), int((left + right) / 2), label] = 1.0
    return shown


def _glyphs(written: Written) -> Iterator[tuple[float, float, int]]:
    """Middle of each thing to be read in a text, in pixels, and its class."""
    left, top, right, bottom = written.box
    y = (top + bottom) / 2
    if len(written.text) == 2 and written.text.isdigit():
        yield left + (right - left) / 4, y, int(written.text[0])
        yield left + (right - left) * 3 / 4, y, 10 + int(written.text[1])
    elif written.text in ITEMS:
        yield (left + right) / 2, y, DIGITS + ITEMS.index(written.text)
