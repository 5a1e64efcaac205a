"""`Sheet`: what a family draws a scene on. It keeps the hatching apart, so that need can be proven.

The scene without hatching goes through noise and JPEG first; the hatching is added last, as a wave.
So two scenes that differ in a fine pattern alone differ nowhere else, and artefacts tell nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from judges import AnswerKind
from vt_env.tasks.hatching import COARSE, FINE, MARGIN, PATTERNS, lost_in_halving, soft_edge, wave
from vt_env.tasks.legibility import draw_size, need_of_type
from vt_env.tasks.lettering import lettering, line_height
from vt_env.tasks.style import Color, Style
from vt_env.tasks.task import Box, Need, Question
from vt_env.tasks.vocabulary import THINGS

CONTRAST = 46
"""Amplitude of hatching, in grey levels."""
MIDDLE = 128
"""Level that stands for zero where a wave is held in bytes."""
FINE_TYPE = 16
"""Type below this size, in pixels, is fine print."""
BLACK, WHITE = 20, 232
"""Levels that black and white come out as, so that no wave is clipped beside a hatched area."""
RANGE = [round(level) for level in np.linspace(BLACK, WHITE, 256)]
"""Level that each level of the scene comes out as."""
PLAIN = Need(False, "plain", "large enough to survive the halving", 0.5)


@dataclass(frozen=True)
class Written:
    """A text on the sheet: where its ink is, and the type size in pixels."""

    text: str
    box: Box
    size: int


@dataclass(frozen=True)
class Hatched:
    """A hatched area: its box, its mask (mode L) or None for the whole box, and its pattern."""

    box: Box
    mask: Image.Image | None
    pattern: str
    fine: bool


class Sheet:
    """A square canvas with a style.

    Args:
        canvas: Side, in pixels.
        style: How the scene looks.
        rng: The only source of randomness.
    """

    def __init__(self, canvas: int, style: Style, rng: np.random.Generator) -> None:
        self.side, self.style, self.rng = canvas, style, rng
        self.image = Image.new("RGB", (canvas, canvas), style.paper)
        self.draw = ImageDraw.Draw(self.image)
        self.written: list[Written] = []
        self.hatched: list[Hatched] = []
        self.marked: list[tuple[str, Box]] = []
        self._grain = int(rng.integers(2**32))

    def measure(self, text: str, size: int) -> tuple[int, int]:
        """Width of a text and height of its line, in pixels."""
        mask, (x, _) = self.lettering(text, size)
        return x + mask.width, line_height(size)

    def lettering(self, text: str, size: int) -> tuple[Image.Image, tuple[int, int]]:
        """The mask of a text as this sheet writes it, and its offset; see `lettering.lettering`."""
        fine = size < FINE_TYPE
        return lettering(text, size, self.style.fine_face if fine else self.style.face)

    def write(
        self, x: int, y: int, text: str, size: int, ink: Color | None = None, anchor: str = "l"
    ) -> Box:
        """Writes one line of text.

        Args:
            x: Where the line starts (anchor ``l``), has its middle (``m``) or ends (``r``).
            y: Top of the line.
            text: What to write.
            size: Type size, in pixels.
            ink: Colour; None: the style's ink.
            anchor: ``l``, ``m`` or ``r``.

        Returns:
            Box of the ink.

        Raises:
            ValueError: If the text does not lie inside of the sheet; a fault of the family.
        """
        mask, (dx, dy) = self.lettering(text, size)
        width = dx + mask.width
        x -= {"l": 0, "m": width // 2, "r": width}[anchor]
        x, y = x - (x + dx) % 2, y - (y + dy) % 2  # ink starts at even pixels: less to be learned
        box = (x + dx, y + dy, x + dx + mask.width, y + dy + mask.height)
        if box[0] < 0 or box[1] < 0 or box[2] > self.side or box[3] > self.side:
            raise ValueError(f"{text!r} of {size} px at {box} leaves the sheet of {self.side} px.")
        self.image.paste(ink or self.style.ink, box[:2], mask)
        self.written.append(Written(text, box, size))
        return box

    def mark(self, thing: str, box: Box) -> None:
        """Says that a thing of `vocabulary.THINGS` lies in a box; draws nothing."""
        if thing not in THINGS:
            raise ValueError(f"{thing!r} is none of the things: {', '.join(THINGS)}.")
        self.marked.append((thing, box))

    def type_size(self, largest: int) -> int:
        """Draws a type size of at most `largest` pixels; small, middling or large."""
        return draw_size(self.rng, largest)

    def hatch(
        self,
        box: Box,
        mask: Image.Image | None = None,
        pattern: str | None = None,
        fine: bool | None = None,
    ) -> int:
        """Hatches an area; what is below must have all channels between 60 and 200.

        Args:
            box: The area, at even coordinates, at least `MARGIN` pixels inside of the sheet.
            mask: Which pixels of the box (mode L, its size); None: all.
            pattern: One of `PATTERNS`; None: drawn.
            fine: Whether the lines are too fine for the halved image; None: drawn.

        Returns:
            Number of the area.
        """
        if box[0] < MARGIN or box[1] < MARGIN or max(box[2:]) > self.side - MARGIN:
            raise ValueError(f"The hatched area {box} is too near the edge of the sheet.")
        if any(v % 2 for v in box):
            raise ValueError(f"The hatched area {box} has odd coordinates.")
        if fine is None:
            fine = bool(self.rng.random() < 0.55)
        if pattern is None:  # what looks plain in the halved image may be anything, so: fine
            pattern = str(self.rng.choice(PATTERNS if fine else PATTERNS[:-1]))
        self.hatched.append(Hatched(box, mask, pattern, fine or pattern == "plain"))
        return len(self.hatched) - 1

    def pattern_question(
        self, text: str, area: int, answers: Mapping[str, str] | None = None
    ) -> Question:
        """A question whose answer hangs on an area's pattern.

        Args:
            text: The question.
            area: Number of the area.
            answers: Answer for each pattern; None: the patterns themselves.
        """
        hatched = self.hatched[area]
        said = dict(answers) if answers else {pattern: pattern for pattern in PATTERNS}
        answer = said[hatched.pattern]
        kind = _kind(answer)
        if not hatched.fine:
            why = f"lines {COARSE // 2} pixels wide survive the halving"
            need = Need(False, "plain", why, FINE * 2 / COARSE)
            return Question(text, answer, kind, need, hatched.box)
        why = "lines one pixel wide average to the same colour whatever the pattern"
        need = Need(True, "counterfactual", why, 1.0)
        twins = {p: a for p, a in said.items() if a != answer}
        return Question(text, answer, kind, need, hatched.box, hatch=area, twins=twins)

    @staticmethod
    def text_question(text: str, answer: str, box: Box, sizes: Sequence[int]) -> Question:
        """A question that is answered by reading; the smallest type read decides the need.

        Args:
            text: The question.
            answer: What is to be read, or follows from it.
            box: Part of the sheet that holds all that is to be read.
            sizes: Type sizes of all that has to be read.
        """
        return Question(text, answer, _kind(answer), need_of_type(min(sizes)), box)

    @staticmethod
    def plain_question(text: str, answer: str, box: Box, why: str = PLAIN.why) -> Question:
        """A question about something so large that the halved image shows it."""
        return Question(text, answer, _kind(answer), Need(False, "plain", why, 0.5), box)

    def finish(self, swapped: Mapping[int, str] | None = None) -> Image.Image:
        """The image with its artefacts and its hatching.

        Args:
            swapped: Other patterns for some hatched areas, by number, for counterfactual proofs.
        """
        image = self._degraded().point(RANGE * 3)
        for number, area in enumerate(self.hatched):
            pattern = (swapped or {}).get(number, area.pattern)
            if pattern != "plain":
                _add(image, area, pattern)
        return image

    def _degraded(self) -> Image.Image:
        """The scene without hatching after sensor and JPEG; the same bytes at every call."""
        image = self.image
        if self.style.noise:
            stream = np.random.default_rng(self._grain)  # the same grain at every call
            most = self.style.noise
            levels = stream.integers(0, 2 * most + 1, size=image.size, dtype=np.int16)
            image = _shifted(image, levels.astype(np.uint8), most)
        if self.style.jpeg_quality is not None:
            stored = io.BytesIO()
            image.save(stored, "JPEG", quality=self.style.jpeg_quality, subsampling=0)
            image = Image.open(stored).convert("RGB")
        return image


def _kind(answer: str) -> AnswerKind:
    if answer in ("yes", "no"):
        return "yes_no"
    return "integer" if answer.isdigit() else "text"


def _add(image: Image.Image, area: Hatched, pattern: str) -> None:
    """Adds an area's wave to the image, in place."""
    left, top, right, bottom = area.box
    width, height = right - left, bottom - top
    lines = np.pad(wave(width, height, pattern, FINE if area.fine else COARSE), MARGIN)
    lines *= soft_edge(width, height, area.mask)
    if area.fine:
        lines = lost_in_halving(lines)
    around = (left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)
    shift = np.rint(CONTRAST * lines) + MIDDLE
    image.paste(_shifted(image.crop(around), shift.astype(np.uint8), MIDDLE), around)


def _shifted(image: Image.Image, levels: np.ndarray, zero: int) -> Image.Image:
    """An RGB image with levels (height, width), of which `zero` stands for none, added to it."""
    added = Image.fromarray(levels)
    return ImageChops.add(image, Image.merge("RGB", (added, added, added)), offset=-zero)
