"""What a family of the embedded world is: something that draws itself and knows its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from judges import AnswerKind

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Question:
    """One question that an element can be asked, with its exact answer."""

    text: str
    answer: str
    kind: AnswerKind


@dataclass(frozen=True)
class Element:
    """Something that was drawn, and what is known about it.

    Attributes:
        family: Name of the family that drew it.
        questions: Every question that it can be asked, at least one.
        needs_high_res: Whether the answer is lost in the low-resolution view; None in the margin.
        why: One sentence on how that is known.
    """

    family: str
    questions: tuple[Question, ...]
    needs_high_res: bool | None
    why: str


class Task(Protocol):
    """One family of image-question pairs."""

    @property
    def name(self) -> str:
        """Name of the family, used in metrics."""
        ...

    def draw(self, canvas: Image.Image, box: Box, rng: np.random.Generator) -> Element:
        """Draws one element inside `box` and returns what can be asked about it.

        Args:
            canvas: RGB image to draw on, in place.
            box: Region that the element must stay inside.
            rng: The only source of randomness.
        """
        ...
