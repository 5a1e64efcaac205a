"""`FlippedJudge`: a judge that is wrong at a known rate, to see what training makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judges.base import Judge, JudgeCase, JudgeLike, Tell, Verdict, judge_each, make_judge
from judges.errors import JudgeError
from judges.parameters import as_count, as_mapping, as_number

MOST = 0.5
"""Highest rate: beyond it a judge says the contrary, and at it nothing."""


class FlippedJudge(Judge):
    """Turns a share of another judge's verdicts round: a score s becomes 1 - s.

    A verdict that is turned round names this judge, any other the judge that decided. Abstentions
    stay abstentions.

    Whether a verdict is turned round hangs on the case (question, references, prediction without
    its white space) and the seed alone, by a hash. So a run that is resumed sees what an unbroken
    one sees, a cache may go around it, and what is turned round at one rate is so at any higher
    one.

    It follows that members of a GRPO group who give the same answer get the same verdict: the same
    wrong answer is always paid, as by a model that judges at temperature 0 and misreads it. What
    differs by chance from episode to episode would be a milder fault, which a larger group averages
    out, and no judge: a verdict depends on its own case alone. The references are a part of it,
    since question and prediction come back on other images: by those alone one answer would be
    wrong in the whole dataset, a rule to be learned and no noise. Of cases that come back the rate
    is one over distinct cases: over answers it scatters the more, the fewer there are.

    Args:
        rate: Share of verdicts that are turned round, in [0, 0.5].
        judge: The judge behind, or what `make_judge` takes.
        params: Its settings, where it is a name: a mapping, or a JSON object as text.
        seed: Of the hash.

    Raises:
        JudgeError: If the rate is out of range.
        UnknownNameError: If there is no such judge.
        ParameterError: If it does not take such settings.
    """

    def __init__(
        self,
        rate: float | str,
        judge: JudgeLike | str | Mapping[str, Any] = "rule",
        params: Mapping[str, Any] | str | None = None,
        seed: int | str = 0,
    ) -> None:
        self._rate, self._seed = as_number("rate", rate), as_count("seed", seed)
        if not 0 <= self._rate <= MOST:
            raise JudgeError(f"rate must lie in [0, {MOST:g}], got {rate!r}.")
        self._judge = make_judge(judge, **as_mapping("params", params or {}))

    @property
    def name(self) -> str:
        """``"flipped(…)"`` with the name of the judge behind."""
        return f"flipped({self._judge.name})"

    @property
    def fingerprint(self) -> str:
        """Rate, seed and the fingerprint of the judge behind."""
        return f"flipped {self._rate!r} {self._seed} ({self._judge.fingerprint})"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        """Judges a batch, and tells each verdict as the judge behind does."""
        verdicts: dict[int, Verdict] = {}

        def hear(found: Mapping[int, Verdict]) -> None:
            news = {place: self._turned(cases[place], verdict) for place, verdict in found.items()}
            verdicts.update(news)
            tell(news)

        judge_each(self._judge, cases, hear)
        return [verdicts[place] for place in range(len(cases))]

    def check(self) -> None:
        """Lets the judge behind find out whether it can work."""
        self._judge.check()

    def close(self) -> None:
        """Closes the judge behind."""
        self._judge.close()

    def _turned(self, case: JudgeCase, verdict: Verdict) -> Verdict:
        if verdict.score is None or draw(self._seed, case) >= self._rate:
            return verdict
        return replace(verdict, score=1.0 - verdict.score, judge=self.name)


def draw(seed: int, case: JudgeCase) -> float:
    """A number in [0, 1) that hangs on seed and case alone; a verdict below the rate is flipped."""
    said = " ".join(case.prediction.split())
    content = json.dumps([seed, case.question, case.references, said])
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:6]) / 2**48
