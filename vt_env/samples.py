"""`Sample`: one image, one question, the accepted answers; and what a dataset is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from judges import AnswerKind
from vt_env.errors import ConfigError
from vt_env.images.views import ImageSource

MAX_OPTIONS = 26
"""Options of a question; each has a letter."""


@dataclass(frozen=True)
class Sample:
    """One question about one image.

    Attributes:
        sample_id: Unique within its dataset and stable between runs.
        question: The question, not empty.
        answers: Accepted answers, at least one.
        image: Where the pixels come from; decoded on use.
        family: What kind of sample this is; metrics are given by family.
        kind: Sort of answer, for the judge; None: found out.
        choices: Options of a multiple-choice question, at most 26, else None. They follow the
            question with their letters where it does not list them itself.
        tolerance: Absolute tolerance for numeric answers, else None.
        needs_high_res: True, False, or None (margin band, or not known).
        meta: Anything else worth recording, such as why high resolution is needed. A number
            ``tool_benefit`` in [-1, 1], accuracy after asking less accuracy without, is read by the
            group shaper ``benefit``.
    """

    sample_id: str
    question: str
    answers: tuple[str, ...]
    image: ImageSource
    family: str = "default"
    kind: AnswerKind | None = None
    choices: tuple[str, ...] | None = None
    tolerance: float | None = None
    needs_high_res: bool | None = None
    meta: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ConfigError(f"Sample {self.sample_id!r} has an empty question.")
        if not self.answers:
            raise ConfigError(f"Sample {self.sample_id!r} has no accepted answer.")
        if self.choices is not None and len(self.choices) > MAX_OPTIONS:
            raise ConfigError(f"Sample {self.sample_id!r} has more than {MAX_OPTIONS} choices.")
        if self.tool_benefit is not None and not -1.0 <= self.tool_benefit <= 1.0:
            raise ConfigError(
                f"Sample {self.sample_id!r}: tool_benefit must be a number in [-1, 1], got "
                f"{self.meta['tool_benefit']!r}."
            )

    @property
    def tool_benefit(self) -> float | None:
        """What asking is worth, in units of accuracy; None where it is not said."""
        told = self.meta.get("tool_benefit")
        if told is None or told == "":
            return None
        with suppress(TypeError, ValueError):
            return float(told)  # type: ignore[arg-type]
        return math.nan


@runtime_checkable
class Dataset(Protocol):
    """A finite, random-access collection of samples; the same index gives the same sample.

    A dataset may also have ``index_of(sample_id: str) -> int | None``; without it,
    ``reset(options={"sample_id": …})`` scans (`vt_env.data.load.find_sample`). With
    ``image_size(index: int) -> tuple[int, int]`` the sizes of its images are known without a sample
    being made (`vt_env.images.ladder`).
    """

    @property
    def name(self) -> str:
        """Short name for logs and errors."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
