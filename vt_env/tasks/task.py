"""What a family of the embedded world is: something that draws a scene and knows its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from judges import AnswerKind

if TYPE_CHECKING:
    from vt_env.tasks.sheet import Sheet

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels of the original."""
Proof = Literal["plain", "legibility", "counterfactual"]


@dataclass(frozen=True)
class Need:
    """Whether a question needs high resolution, and how that is known.

    Attributes:
        high_res: Whether the answer is lost when each side is halved; None in the margin.
        proof: ``"plain"``: large enough to survive any halving; ``"legibility"``: graded by the
            size of the type; ``"counterfactual"``: the same scene with another answer gives the
            same low-resolution pixels.
        why: One sentence.
        scale: Least share of each side at which it can be answered, in (0, 1].
    """

    high_res: bool | None
    proof: Proof
    why: str
    scale: float


@dataclass(frozen=True)
class Question:
    """One question about a scene, with its exact answer.

    Attributes:
        text: The question.
        answer: The answer.
        kind: Sort of answer, for the judge.
        need: Whether it needs high resolution, and how that is known.
        box: Part of the original that suffices to answer it, at full resolution.
        choices: Options of a multiple-choice question.
        hatch: Number of the hatched area that the answer hangs on; set with ``counterfactual``.
    """

    text: str
    answer: str
    kind: AnswerKind
    need: Need
    box: Box
    choices: tuple[str, ...] | None = None
    hatch: int | None = None
    twins: dict[str, str] = field(default_factory=dict)
    """Answer for each other pattern of that area, by pattern."""


class Task(Protocol):
    """One family of scenes."""

    @property
    def name(self) -> str:
        """Name of the family, used in metrics."""
        ...

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws one scene that fills the sheet, and returns every question about it.

        A scene has at least one question. Everything random comes from `sheet.rng`. What is drawn
        lies inside of the sheet, and texts do not overlap. With `sheet.style.novel` the layout is
        one that `novel=False` never gives.
        """
        ...
