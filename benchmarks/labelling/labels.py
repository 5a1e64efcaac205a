"""The paper's rule that labels a sample by rollouts at both resolutions, and what came of it.

VisionThink (arXiv 2507.13348, section on data): a model answers each question 8 times at
temperature 1 at each resolution. All 8 right at both: the low resolution is enough. At least 6 more
right at high than at low: it needs the high resolution. Anything else is left out of the training
set; here it is called undecided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from vt_env import ConfigError
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers, check_number

Label = Literal["low_enough", "needs_high", "undecided"]
LABELS: tuple[Label, ...] = get_args(Label)
DECIDED: dict[Label, bool] = {"low_enough": False, "needs_high": True}
"""What each decided label says of the need."""


@dataclass(frozen=True)
class Tally:
    """Verdicts on the rollouts of a sample at one resolution.

    Attributes:
        right: Answers that the judge called right.
        wrong: Answers that it called wrong, and rollouts that came to no answer.
        abstained: Answers that it could not decide.
    """

    right: int
    wrong: int
    abstained: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[bool | None]) -> Tally:
        """Counts verdicts; None is an abstention."""
        seen = list(verdicts)
        return cls(seen.count(True), seen.count(False), seen.count(None))


@dataclass(frozen=True)
class LabelRule:
    """Thresholds of the rule.

    Attributes:
        rollouts: Rollouts at each resolution.
        low_correct: Right answers needed at both resolutions for ``low_enough``.
        gap: Right answers at high less those at low needed for ``needs_high``.
    """

    rollouts: int = 8
    low_correct: int = 8
    gap: int = 6

    def __post_init__(self) -> None:
        check_number("rollouts", self.rollouts, Numbers(1, whole=True))
        for name in ("low_correct", "gap"):
            check_number(name, getattr(self, name), Numbers(-1e9, whole=True))
            if not 1 <= getattr(self, name) <= self.rollouts:
                raise ConfigError(
                    f"{name} must lie in [1, {self.rollouts}], the number of rollouts, "
                    f"got {getattr(self, name)}."
                )
        if self.low_correct + self.gap <= self.rollouts:
            raise ConfigError(
                f"low_correct ({self.low_correct}) and gap ({self.gap}) must together exceed the "
                f"{self.rollouts} rollouts; else a sample could be low_enough and needs_high."
            )


@dataclass(frozen=True)
class RuleSettings:
    """The rule as settings have it."""

    rollouts: int = setting(8, "Answers at each resolution.", Numbers(1))
    low_correct: int | None = setting(
        None, "low_enough: right answers needed at both resolutions. None: all."
    )
    gap: int | None = setting(
        None, "needs_high: right answers at high less those at low. None: 6 of 8."
    )

    def __post_init__(self) -> None:
        check_fields(self)
        self.thresholds()

    def thresholds(self) -> LabelRule:
        """The rule for these settings; what is None is the paper's share of the rollouts."""
        least = math.ceil(self.rollouts * 6 / 8)
        return LabelRule(
            self.rollouts,
            self.rollouts if self.low_correct is None else self.low_correct,
            least if self.gap is None else self.gap,
        )


def label_of(low: Tally, high: Tally, rule: LabelRule) -> Label:
    """Labels a sample.

    An abstention is neither right nor wrong: a sample is labelled only where the label would be the
    same whichever way the undecided answers had been judged.

    Args:
        low: Verdicts at low resolution.
        high: Verdicts at high resolution.
        rule: The thresholds.
    """
    if min(low.right, high.right) >= rule.low_correct:
        return "low_enough"
    if high.right - (low.right + low.abstained) >= rule.gap:
        return "needs_high"
    return "undecided"


@dataclass(frozen=True)
class Labelled:
    """A sample with its label.

    Attributes:
        sample_id: Which sample.
        family: Its family.
        needs_high_res: The truth; None in the margin, and where it is not known.
        low: Verdicts at low resolution.
        high: Verdicts at high resolution.
        label: What the rule made of them.
        limits: How many of the rollouts limits ended or spoilt, by kind.
    """

    sample_id: str
    family: str
    needs_high_res: bool | None
    low: Tally
    high: Tally
    label: Label
    limits: dict[str, int] = field(default_factory=dict)


def confusion(samples: Sequence[Labelled]) -> dict[Label, dict[bool | None, int]]:
    """How many samples of each truth got each label."""
    truths: tuple[bool | None, ...] = (True, False, None)
    counts: dict[Label, dict[bool | None, int]] = {
        label: dict.fromkeys(truths, 0) for label in LABELS
    }
    for sample in samples:
        counts[sample.label][sample.needs_high_res] += 1
    return counts


def precision(samples: Sequence[Labelled], *labels: Label) -> float | None:
    """Share of the samples with one of these labels of which it is true.

    Args:
        samples: Labelled samples; those in the margin and of unknown need do not count.
        *labels: Decided labels; none: both.

    Returns:
        The share, or None when no sample counts.
    """
    wanted = labels or tuple(DECIDED)
    right = [
        DECIDED[sample.label] is sample.needs_high_res
        for sample in samples
        if sample.label in wanted and sample.needs_high_res is not None
    ]
    return sum(right) / len(right) if right else None
