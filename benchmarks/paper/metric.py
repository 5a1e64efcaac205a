"""Figure 6: what the stock metric of ChartQA says of answers, beside our judge."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.paper.material import Material, Table, printed
from benchmarks.published import published
from judges import JudgeCase, RuleJudge

FILE = "visionthink-metric"
_CASE = re.compile(r"truth (?P<truth>\S+); answer (?P<answer>\S+)")
MORE = (("47", "47.0"), ("1,200", "1200"), ("12.5%", "12.5"), ("2019", "2020"), ("yes", "Yes."))
"""Cases of our own beside the paper's: the truth and an answer."""


def stock(truth: str, answer: str) -> bool:
    """ChartQA's relaxed accuracy (arXiv 2203.10244): numbers within 5%, else the same text."""
    try:
        expected, given = float(truth), float(answer)
    except ValueError:
        return truth.strip().lower() == answer.strip().lower()
    return abs(given - expected) <= 0.05 * abs(expected) if expected else given == expected


def cases() -> list[tuple[str, str, bool | None]]:
    """Truth, answer, and the verdict that the paper prints of the stock metric; None of our own."""
    found: list[tuple[str, str, bool | None]] = []
    for figure in published(FILE):
        told = _CASE.fullmatch(figure.setting)
        if told:
            found.append((told["truth"], told["answer"], bool(figure.value)))
    return [*found, *((truth, answer, None) for truth, answer in MORE)]


def table(_made: Material | None) -> Table:
    """Each case, judged both ways."""
    judge = RuleJudge()
    rows: list[tuple[str, ...]] = []
    for truth, answer, paper in cases():
        (verdict,) = judge.judge([JudgeCase("What is the value?", (truth,), answer)])
        words = ("wrong", "right")
        rows.append((truth, answer, words[stock(truth, answer)],
                     words[bool(verdict.score and verdict.score >= 0.5)],
                     "" if paper is None else words[paper]))  # fmt: skip
    return ("truth", "answer", "stock metric", "our judge", "stock, as printed"), rows


def says(made: Material | None) -> Sequence[str]:
    """How often the two differ."""
    rows = table(made)[1]
    apart = [f"{row[1]} for {row[0]}" for row in rows if row[2] != row[3]]
    return [f"They differ on {len(apart)} of {len(rows)} cases: {', '.join(apart)}."]


def printed_verdicts() -> Table:
    """The verdicts of the paper's figure."""
    return printed(FILE, "Fig. 6")
