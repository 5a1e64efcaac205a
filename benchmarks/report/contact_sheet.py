"""A contact sheet: cards with two pictures and a few lines of text each, under headings."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vt_env.images import resample

Color = tuple[int, int, int]
PAPER, CARD, RULE = (242, 243, 245), (255, 255, 255), (214, 217, 222)
INK, FAINT = (28, 30, 36), (104, 108, 118)
BADGES: Mapping[str, Color] = {
    "needs high resolution": (176, 58, 46),
    "low resolution is enough": (33, 118, 84),
    "in the margin": (146, 104, 14),
    "need not known": (110, 114, 124),
}
"""What a card can say on the need, and in which colour."""
MARGIN, PADDING, GAP = 28, 14, 10
NARROWEST = 180
"""Least width of a picture's column, so that there is room for the texts below."""
TITLE, HEADING, TEXT, SMALL = 27, 21, 16, 13
SPACING = 1.35
"""Height of a line, as a share of the type size."""


@dataclass(frozen=True)
class Card:
    """One sample, ready to be drawn.

    Attributes:
        full: The whole image.
        low: Its low-resolution view.
        captions: What is written under each of the two.
        lines: Texts below, with the most lines that each may take.
        badge: A key of `BADGES`.
        why: How the need is known; may be empty.
        label: What the sample is called.
    """

    full: Image.Image
    low: Image.Image
    captions: tuple[str, str]
    lines: tuple[tuple[str, int], ...]
    badge: str
    why: str
    label: str


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib: Latin, Greek, Cyrillic, Arabic and many symbols."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def line_height(size: int) -> int:
    """Pixels from the top of a line to the top of the next."""
    return round(size * SPACING)


def wrap(text: str, size: int, width: int, most: int) -> list[str]:
    """Breaks a text into at most `most` lines of at most `width` pixels.

    Lines break at white space, and within words that are longer than a line. What does not fit is
    replaced by an ellipsis.
    """
    words = "".join(c if c.isprintable() else " " for c in text).split()
    lines: list[str] = []
    while words and len(lines) < most:
        line = words.pop(0)
        if not _fits(line, size, width):
            line, rest = _cut(line, size, width)
            words.insert(0, rest)
        else:
            while words and _fits(f"{line} {words[0]}", size, width):
                line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] = _ellipsis(lines[-1], size, width)
    return lines


def one_line(text: str, size: int, width: int) -> str:
    """As much of a text as fits on one line."""
    return "".join(wrap(text, size, width, 1))


def _fits(text: str, size: int, width: int) -> bool:
    return font(size).getlength(text) <= width


def _cut(word: str, size: int, width: int) -> tuple[str, str]:
    """Splits a word so that its first part fits; at least one character of it is taken."""
    length = next((n for n in range(len(word), 1, -1) if _fits(word[:n], size, width)), 1)
    return word[:length], word[length:]


def _ellipsis(line: str, size: int, width: int) -> str:
    while line and not _fits(f"{line}…", size, width):
        line = line[:-1]
    return f"{line.rstrip()}…"


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Size of an image in a square: reduced, or enlarged a whole number of times."""
    longest = max(size)
    factor = side / longest if longest > side else side // longest
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def fitted(image: Image.Image, side: int) -> Image.Image:
    """Fits an image into a square: reduced smoothly, or enlarged with its pixels left visible."""
    size = fitted_size(image.size, side)
    if size[0] < image.width:
        return resample(image, size)
    return image.resize(size, Image.Resampling.NEAREST)


def draw_card(card: Card, side: int, cell: int) -> Image.Image:
    """Draws a card; all cards of one `cell` are equally wide.

    Args:
        card: What to draw.
        side: Side of the squares that the two pictures are fitted into, in pixels.
        cell: Width that each of the two has, in pixels, at least that of the picture.
    """
    width = 2 * PADDING + 2 * cell + GAP
    room = width - 2 * PADDING
    full = fitted(card.full, side)
    low = card.low.resize(full.size, Image.Resampling.NEAREST)
    blocks = [wrap(text, TEXT, room, most) for text, most in card.lines]
    why = wrap(card.why, SMALL, room, 2)
    badge = line_height(SMALL) + 8
    texts = sum(len(block) * line_height(TEXT) + 4 for block in blocks)
    rest = line_height(SMALL) + 14 + badge + 6 + len(why) * line_height(SMALL)
    height = PADDING + full.height + texts + rest + PADDING
    image = Image.new("RGB", (width, height), CARD)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, height - 1), outline=RULE)
    top = PADDING
    for number, (picture, caption) in enumerate(zip((full, low), card.captions, strict=True)):
        left = PADDING + number * (cell + GAP)
        image.paste(picture, (left, top))
        line = one_line(caption, SMALL, cell)
        draw.text((left, top + full.height + 6), line, fill=FAINT, font=font(SMALL))
    top += full.height + line_height(SMALL) + 14
    for block in blocks:
        for line in block:
            draw.text((PADDING, top), line, fill=INK, font=font(TEXT))
            top += line_height(TEXT)
        top += 4
    right = _badge(draw, (PADDING, top + 2), card.badge)
    name = one_line(card.label, SMALL, width - PADDING - right - GAP)
    draw.text((width - PADDING, top + 6), name, fill=FAINT, font=font(SMALL), anchor="ra")
    top += badge + 6
    for line in why:
        draw.text((PADDING, top), line, fill=FAINT, font=font(SMALL))
        top += line_height(SMALL)
    return image


def _badge(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str) -> int:
    """Draws a coloured label; returns where it ends."""
    left, top = place
    right = left + round(font(SMALL).getlength(text)) + 20
    bottom = top + line_height(SMALL) + 6
    draw.rounded_rectangle((left, top, right, bottom), radius=6, fill=BADGES[text])
    draw.text((left + 10, top + 4), text, fill=CARD, font=font(SMALL))
    return right


def contact_sheet(
    title: str, legend: str, groups: Mapping[str, Sequence[Card]], side: int, columns: int
) -> Image.Image:
    """Draws the groups one below the other, their cards in rows.

    Args:
        title: Heading of the sheet.
        legend: What the two pictures of a card are.
        groups: Cards by heading; with a single group its heading is left out.
        side: Side of the squares that pictures are fitted into, in pixels.
        columns: Cards in a row.
    """
    cell = max(fitted_size(card.full.size, side)[0] for cards in groups.values() for card in cards)
    cell = max(cell, NARROWEST)
    drawn = {
        name: [draw_card(card, side, cell) for card in cards] for name, cards in groups.items()
    }
    wide = 2 * PADDING + 2 * cell + GAP
    width = 2 * MARGIN + columns * wide + (columns - 1) * MARGIN
    heading = line_height(HEADING) + 18 if len(groups) > 1 else 0
    titles = wrap(title, TITLE, width - 2 * MARGIN, 2)
    legends = wrap(legend, TEXT, width - 2 * MARGIN, 3)
    top = MARGIN + len(titles) * line_height(TITLE) + len(legends) * line_height(TEXT) + 10
    height = top
    for cards in drawn.values():
        height += heading + sum(
            max(c.height for c in row) + MARGIN for row in _rows(cards, columns)
        )
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    y = MARGIN - 6
    for size, ink, lines in ((TITLE, INK, titles), (TEXT, FAINT, legends)):
        for line in lines:
            draw.text((MARGIN, y), line, fill=ink, font=font(size))
            y += line_height(size)
    for name, cards in drawn.items():
        if heading:
            line = one_line(name, HEADING, width - 2 * MARGIN)
            draw.text((MARGIN, top), line, fill=INK, font=font(HEADING))
            rule = top + line_height(HEADING) + 4
            draw.line((MARGIN, rule, width - MARGIN, rule), fill=RULE, width=2)
            top += heading
        for row in _rows(cards, columns):
            for number, card in enumerate(row):
                sheet.paste(card, (MARGIN + number * (wide + MARGIN), top))
            top += max(card.height for card in row) + MARGIN
    return sheet


def _rows(cards: Sequence[Image.Image], columns: int) -> list[Sequence[Image.Image]]:
    return [cards[start : start + columns] for start in range(0, len(cards), columns)]
