"""Family ``documents``: receipts, payment slips and order forms lying on a desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vt_env.tasks.composing import offer
from vt_env.tasks.legibility import LARGE, SMALL, TOKEN
from vt_env.tasks.parts.panels import largest_type, mixed, pick, write_centered
from vt_env.tasks.parts.paperwork import (
    ROOMY,
    contrasting,
    draw_barcode,
    draw_check_box,
    draw_filler,
    draw_page,
    draw_stamp,
)
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.task import Box, Question
from vt_env.tasks.vocabulary import ITEMS

TITLES = {"receipt": ("Cafe", "Shop", "Market"), "slip": ("Bank", "Bill", "Ticket")}
SWAPPED_SHARE = 0.3
"""Chance that the last two blocks change places, where they are not all that there is."""
LEADING = 4
"""Pixels that a row is at least higher than its type."""


@dataclass(frozen=True)
class _Block:
    """A part of the page that takes its whole width: its height, and what draws it into a box."""

    height: int
    paint: Callable[[Box], None]


class DocumentsTask:
    """A page of blocks: a banner, rows of goods and prices, a total, stamps and check boxes.

    Questions: the price of a good, the total or the number of the table, which good is first, the
    colour and the pattern of a stamp, the banner's colour, and which boxes are ticked.
    """

    name = "documents"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws a page, prices behind or before their goods; the novel layout is upside down."""
        page = draw_page(sheet)
        return _Page(sheet, page).draw()


class _Page:
    """A page in the making."""

    def __init__(self, sheet: Sheet, page: Box) -> None:
        self.sheet, self.rng, self.page = sheet, sheet.rng, page
        self.roomy = sheet.side >= ROOMY
        self.token = min(TOKEN, sheet.side // 8)
        pad = max(6, sheet.side // 24)
        self.column = (page[0] + pad, page[1] + pad, page[2] - pad, page[3] - pad)
        self.colors = [str(c) for c in self.rng.permutation(list(sheet.style.colors))]
        self.questions: list[Question] = []
        self.small = False
        """Whether some type needs high resolution."""

    def draw(self) -> list[Question]:
        """Draws all blocks and returns the questions."""
        kind = "receipt" if self.rng.random() < 0.65 else "slip"
        blocks = self._receipt() if kind == "receipt" else self._slip()
        if self.sheet.style.novel:
            blocks.reverse()
        elif len(blocks) > 2 and self.rng.random() < SWAPPED_SHARE:
            blocks[-2:] = blocks[:-3:-1]
        left, top, right, bottom = self.column
        spare = bottom - top - sum(block.height for block in blocks)
        gap = spare // max(1, len(blocks) - 1) if self.roomy else spare // len(blocks)
        y = top + (0 if self.roomy else gap // 2)
        for block in blocks:
            block.paint((left, y, right, y + block.height))
            y += block.height + gap
        return self.questions

    def _receipt(self) -> list[_Block]:
        """Blocks of a receipt: rows, and with them what the page has room for."""
        room = self.column[3] - self.column[1]
        footed = self.roomy or self.rng.random() < 0.6
        blocks = [] if footed and not self.roomy else [self._banner("receipt")]
        feet = [self._foot()] if footed else []
        fillers = self._fillers()
        room -= sum(b.height + LEADING for b in [*blocks, *feet, *fillers])
        least = 2 * max(11 + LEADING, self.token)
        if self.rng.random() < (0.6 if self.roomy else 0.0 if footed else 0.8):
            line = self._line("Table", "What is the table number?", room - least - LEADING)
            blocks.append(line)
            room -= line.height + LEADING
        rows = self._rows(room, small=not footed and not self.small and self.rng.random() < 0.6)
        return [*blocks, *fillers[:1], rows, *fillers[1:], *feet]

    def _slip(self) -> list[_Block]:
        """Blocks of a payment slip: a banner, the total, a stamp and boxes."""
        room = self.column[3] - self.column[1]
        blocks, foot, fillers = [self._banner("slip")], self._foot(tall=True), self._fillers()
        room -= sum(b.height + LEADING for b in [*blocks, foot, *fillers])
        line = self._line("Total", "What is the total?", room)
        return [*blocks, *fillers[:1], line, *fillers[1:], foot]

    def _fillers(self) -> list[_Block]:
        """Blocks that nobody asks about, on roomy pages: small print and a bar code."""
        if not self.roomy:
            return []
        side, pitch = self.sheet.side, max(5, self.sheet.side // 90)
        small = pitch * pick(self.rng, 2, 4)
        width = int((self.column[2] - self.column[0]) * self.rng.uniform(0.4, 0.7))

        def print_lines(box: Box) -> None:
            draw_filler(self.sheet, (box[0], box[1], box[0] + width, box[3]), pitch)

        def print_bars(box: Box) -> None:
            draw_barcode(self.sheet, (box[0], box[1], box[0] + width, box[3]))

        blocks = [_Block(small, print_lines)]
        if self.rng.random() < 0.6:
            blocks.append(_Block(side // 16, print_bars))
        return blocks

    def _banner(self, kind: str) -> _Block:
        """A coloured banner with a title that nobody asks about."""
        height = max(14, int(self.sheet.side * self.rng.uniform(0.11, 0.14)))
        color = self.colors.pop()
        titles = TITLES[kind]
        title = titles[int(self.rng.integers(len(titles)))]

        def paint(box: Box) -> None:
            fill = self.sheet.style.colors[color]
            radius = height // 4 if self.rng.random() < 0.5 else 0
            self.sheet.draw.rounded_rectangle(
                (box[0], box[1], box[2] - 1, box[3] - 1), radius, fill=fill
            )
            size = largest_type(self.sheet, (title,), box[2] - box[0], height * 11 // 20)
            write_centered(self.sheet, box, title, size, contrasting(fill))
            self.sheet.mark("banner", box)
            self._plain("What color is the banner?", color, box)

        return _Block(height, paint)

    def _line(self, label: str, question: str, room: int) -> _Block:
        """A line with a label and a number, both in the same type."""
        width = self.column[2] - self.column[0]
        texts = (f"{label}--00",)
        most = min(largest_type(self.sheet, texts, width, 10**6), room - LEADING - 2)
        size = self.sheet.type_size(min(most, max(40, self.sheet.side // 9)))
        self.small |= size <= SMALL
        number = str(self.rng.integers(10, 100))
        ruled = self.rng.random() < 0.5

        def paint(box: Box) -> None:
            ends = (number, label) if self.sheet.style.mirrored else (label, number)
            self._write_row(self._narrowed(box, size, [label]), ends, size)
            if ruled:
                self._rule(box[1], box)
                self._rule(box[3] - 1, box)
            self.questions.append(self.sheet.text_question(question, number, box, [size]))

        return _Block(size + LEADING + 2, paint)

    def _rows(self, room: int, small: bool) -> _Block:
        """Rows of goods and prices, all in the same type; in `small` print where wished."""
        width, side = self.column[2] - self.column[0], self.sheet.side
        texts = [f"{item}--00" for item in ITEMS]
        most = min(largest_type(self.sheet, texts, width, 10**6), room // 2 - LEADING)
        size = self.sheet.type_size(SMALL if small else min(most, max(36, side // 10)))
        self.small |= size <= SMALL
        least = size + LEADING
        if not self.roomy:
            least = max(least, 2 * self.token if size >= LARGE else self.token)
        fit = min(len(ITEMS) if self.roomy else 4, room // least)
        count = pick(self.rng, 2, max(2, fit))
        pitch = min(room // count, max(least, int((size + LEADING) * self.rng.uniform(1.0, 2.2))))
        items = [str(item) for item in self.rng.permutation(ITEMS)[:count]]
        prices = [str(p) for p in self.rng.integers(10, 100, size=count)]
        look = str(self.rng.choice(("leaders", "zebra", "ruled", "bare")))

        def paint(box: Box) -> None:
            rows, box = [], self._narrowed(box, size, items)
            for row, (item, price) in enumerate(zip(items, prices, strict=True)):
                place = (box[0], box[1] + row * pitch, box[2], box[1] + (row + 1) * pitch)
                ends = (price, item) if self.sheet.style.mirrored else (item, price)
                self._decorate(place, row, look)
                self._write_row(place, ends, size, look == "leaders")
                rows.append(place)
            self._ask_rows(items, prices, rows, size)

        return _Block(pitch * count, paint)

    def _narrowed(self, box: Box, size: int, texts: Sequence[str]) -> Box:
        """A column of a box that is not too wide to read across in type of this size.

        Args:
            box: The box.
            size: Type size, in pixels.
            texts: What is written at one end of the rows; at the other are two digits.
        """
        width = box[2] - box[0]
        wide = max(width // 2, size * 24)
        if not self.roomy:
            longest = max(self.sheet.measure(f"{text}00", size)[0] for text in texts)
            wide = longest + int(size * self.rng.uniform(1.0, 3.0))
        wide = min(width, wide)
        left = box[0] + int(
            (width - wide) * (self.rng.random() if not self.roomy else self.sheet.style.mirrored)
        )
        return left, box[1], left + wide, box[3]

    def _decorate(self, place: Box, row: int, look: str) -> None:
        """Tints every other row, or draws a rule below each."""
        if look == "zebra" and row % 2 == 0:
            tint = mixed(self.sheet.style.paper, self.sheet.style.ink, 0.1)
            self.sheet.draw.rectangle((*place[:2], place[2] - 1, place[3] - 1), fill=tint)
        elif look == "ruled":
            self._rule(place[3] - 1, place)

    def _write_row(self, box: Box, ends: tuple[str, str], size: int, leaders: bool = False) -> None:
        """Writes a text at each end of a row, with a dotted line between them if wished."""
        left, top, right, bottom = box
        # Ink reaches from a quarter of the size below the line's top to a fifth below its size.
        y = (top + bottom) // 2 - round(size * 0.69)
        pad = max(2, size // 8)
        first = self.sheet.write(left + pad, y, ends[0], size)
        last = self.sheet.write(right - pad, y, ends[1], size, anchor="r")
        if leaders:
            dot = max(1, size // 16)
            base = y + size - dot
            for x in range(first[2] + 4 * dot, last[0] - 4 * dot, 4 * dot):
                self.sheet.draw.rectangle((x, base, x + dot - 1, base + dot - 1), fill=self.grey)

    @property
    def grey(self) -> tuple[int, int, int]:
        """Colour of rules and leaders."""
        return mixed(self.sheet.style.paper, self.sheet.style.ink, 0.45)

    def _rule(self, y: int, box: Box) -> None:
        """Draws a rule as wide as a box."""
        thick = max(1, self.sheet.side // 400)
        self.sheet.draw.rectangle((box[0], y - thick + 1, box[2] - 1, y), fill=self.grey)

    def _ask_rows(self, items: list[str], prices: list[str], rows: list[Box], size: int) -> None:
        """Questions about the rows."""
        sheet = self.sheet
        whole = (*rows[0][:2], *rows[-1][2:])
        for item, price, row in zip(items, prices, rows, strict=True):
            text = f"How much is the {item.lower()}?"
            self.questions.append(sheet.text_question(text, price, row, [size]))
        ends = {"first": (items[0], rows[0]), "last": (items[-1], rows[-1])}
        for end, (item, place) in ends.items():
            text = f"Which item is {end}?"
            self.questions.append(sheet.text_question(text, item.lower(), place, [size]))
        if self.rng.random() < 0.4:
            self.questions.append(self._choice(items[0], rows[0], size))
        if self.roomy and size >= LARGE:
            self._plain("How many items are there?", str(len(items)), whole)

    def _choice(self, item: str, place: Box, size: int) -> Question:
        """The multiple-choice question about the first row."""
        question = Sheet.text_question("Which item is first?", item.lower(), place, [size])
        return offer(self.sheet, question, [other.lower() for other in ITEMS], 4)

    def _foot(self, tall: bool = False) -> _Block:
        """Stamps and check boxes beside each other."""
        side = self.sheet.side
        height = int(side * self.rng.uniform(*((0.3, 0.36) if tall else (0.27, 0.31))))
        height = min(height * 4 // 5, 260) if self.roomy else height
        stamps = pick(self.rng, 1, 2) if self.roomy else int(self.rng.random() < 0.9)
        most = 3 if self.roomy or not stamps else 2  # or they would be too small to tell
        boxes = pick(self.rng, 1, most) if not stamps or self.rng.random() < 0.6 else 0
        flipped = self.rng.random() < 0.5

        def paint(box: Box) -> None:
            left, top, right, bottom = box
            middle = left + (right - left) * (10 if stamps else 0) // 20
            halves = [(left, top, middle, bottom), (middle, top, right, bottom)]
            if flipped and boxes and stamps:
                middle = left + right - middle
                halves = [(middle, top, right, bottom), (left, top, middle, bottom)]
            if stamps:
                self._stamps(halves[0] if boxes else box, stamps)
            if boxes:
                self._boxes(halves[1], boxes)

        return _Block(height, paint)

    def _stamps(self, box: Box, count: int) -> None:
        """Draws stamps into a box, and asks about them."""
        share = (box[2] - box[0]) // count
        for place in range(count):
            color = self.colors.pop()
            left = box[0] + place * share
            stamp = (left, box[1], left + share, box[3])
            # A page whose type is all legible mostly has a stamp to look at more closely.
            fine = True if not self.small and self.rng.random() < 0.9 else None
            area = draw_stamp(self.sheet, stamp, self.sheet.style.colors[color], fine)
            text = f"What pattern is on the {color} stamp?"
            self.questions.append(self.sheet.pattern_question(text, area))
            if count == 1:
                self._plain("What color is the stamp?", color, self.sheet.hatched[area].box)

    def _boxes(self, box: Box, count: int) -> None:
        """Draws check boxes one beside the other, and asks which are ticked."""
        left, top, right, bottom = box
        share = (right - left) // count
        size = min(
            max(16, self.sheet.side // (11 if self.roomy else 7)), share - 6, bottom - top - 4
        )
        ticks = [bool(tick) for tick in self.rng.random(count) < 0.5]
        y = (top + bottom - size) // 2
        for place, tick in enumerate(ticks):
            x = left + place * share + (share - size) // 2
            draw_check_box(self.sheet, x, y, size, tick)
        if count == 1:
            self._plain("Is the box ticked?", "yes" if ticks[0] else "no", box)
        else:
            self._plain("How many boxes are ticked?", str(sum(ticks)), box)

    def _plain(self, text: str, answer: str, box: Box) -> None:
        self.questions.append(self.sheet.plain_question(text, answer, box))
