"""How far two judges agree. Pure functions over cases and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from judges.base import JudgeCase, JudgeLike
from judges.errors import JudgeError


@dataclass(frozen=True)
class Disagreement:
    """One case on which two judges differ.

    Attributes:
        index: Position of the case in the audit, from 0.
        case: The case.
        first: Score of the first judge, in [0, 1].
        second: Score of the second judge, in [0, 1].
    """

    index: int
    case: JudgeCase
    first: float
    second: float


@dataclass(frozen=True)
class Agreement:
    """How far two judges agree on the cases that both scored.

    Attributes:
        cases: Cases in all.
        compared: Cases that both scored.
        first_abstained: Cases on which the first judge abstained.
        second_abstained: Cases on which the second judge abstained.
        both_right: Cases that both call right.
        only_first: Cases that the first alone calls right.
        only_second: Cases that the second alone calls right.
        both_wrong: Cases that both call wrong.
        disagreements: The cases on which they differ, in order.
    """

    cases: int
    compared: int
    first_abstained: int
    second_abstained: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    disagreements: tuple[Disagreement, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of the compared cases on which they agree, in [0, 1]; None without any."""
        return (self.both_right + self.both_wrong) / self.compared if self.compared else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa, in [-1, 1]: agreement beyond chance.

        None when it is undefined: without compared cases, or when both judges always say one and
        the same thing.
        """
        n = self.compared
        if not n or self.accuracy is None:
            return None
        first = (self.both_right + self.only_first) / n
        second = (self.both_right + self.only_second) / n
        chance = first * second + (1 - first) * (1 - second)
        return None if chance >= 1.0 else (self.accuracy - chance) / (1 - chance)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values, for JSON."""
        return {**asdict(self), "accuracy": self.accuracy, "kappa": self.kappa}


def agreement(
    cases: Sequence[JudgeCase],
    first: Sequence[float | None],
    second: Sequence[float | None],
) -> Agreement:
    """Compares two lists of scores; a score of 0.5 or more counts as right.

    Args:
        cases: What was judged.
        first: Scores of the first judge; None where it abstained.
        second: Scores of the second judge; None where it abstained.

    Raises:
        JudgeError: If the lengths differ.
    """
    if not len(cases) == len(first) == len(second):
        raise JudgeError("An audit needs as many scores from each judge as there are cases.")
    table = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    differing = []
    for index, (case, a, b) in enumerate(zip(cases, first, second, strict=True)):
        if a is None or b is None:
            continue
        table[a >= 0.5, b >= 0.5] += 1
        if (a >= 0.5) != (b >= 0.5):
            differing.append(Disagreement(index, case, a, b))
    return Agreement(
        cases=len(cases),
        compared=sum(table.values()),
        first_abstained=sum(score is None for score in first),
        second_abstained=sum(score is None for score in second),
        both_right=table[True, True],
        only_first=table[True, False],
        only_second=table[False, True],
        both_wrong=table[False, False],
        disagreements=tuple(differing),
    )


def audit(cases: Sequence[JudgeCase], first: JudgeLike, second: JudgeLike) -> Agreement:
    """Has two judges judge the same cases, and compares them."""
    ones, others = first.judge(cases), second.judge(cases)
    return agreement(cases, [v.score for v in ones], [v.score for v in others])


def format_agreement(report: Agreement, first: str, second: str, limit: int = 20) -> str:
    """Writes an agreement as text, with at most `limit` disagreements.

    Args:
        report: From `audit` or `agreement`.
        first: Name of the first judge.
        second: Name of the second judge.
        limit: Disagreements listed at most.
    """
    accuracy = "undefined" if report.accuracy is None else f"{report.accuracy:.4f}"
    kappa = "undefined" if report.kappa is None else f"{report.kappa:.4f}"
    lines = [
        f"cases {report.cases}, compared {report.compared}, abstained: "
        f"{first} {report.first_abstained}, {second} {report.second_abstained}",
        f"agreement {accuracy}, Cohen's kappa {kappa}",
        f"both right {report.both_right}, both wrong {report.both_wrong}, "
        f"right for {first} alone {report.only_first}, for {second} alone {report.only_second}",
    ]
    for item in report.disagreements[:limit]:
        lines.append(
            f"#{item.index} {first}={item.first:g} {second}={item.second:g} "
            f"question={item.case.question[:80]!r} references={list(item.case.references)!r} "
            f"prediction={item.case.prediction[:80]!r}"
        )
    left_out = len(report.disagreements) - limit
    return "\n".join([*lines, f"… and {left_out} more"] if left_out > 0 else lines)
