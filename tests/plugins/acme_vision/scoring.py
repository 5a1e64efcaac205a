"""A judge: right when the answer begins with the reference."""

from __future__ import annotations

from collections.abc import Sequence

from judges import JUDGES, JudgeCase, Verdict


@JUDGES.register("acme_prefix")
class AcmePrefix:
    """Right when the answer and a reference have their first letters in common."""

    name = "acme_prefix"

    def __init__(self, letters: int | str = 3) -> None:
        self.letters = int(letters)

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return [Verdict(float(self._right(case)), judge=self.name) for case in cases]

    def _right(self, case: JudgeCase) -> bool:
        said = case.prediction.strip().lower()[: self.letters]
        return said in {reference.lower()[: self.letters] for reference in case.references}
