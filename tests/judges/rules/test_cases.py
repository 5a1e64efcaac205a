"""Cases with their right values, reasoned by hand: nothing wrong is paid, nothing right refused.

`cases.jsonl` holds one a line, with a `source` that names its kind. Add those you meet.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from judges import JudgeCase, RuleJudge

pytest.importorskip("math_verify")
MAX_UNDECIDED = 0.2  # of the right ones


def _load() -> dict[str, list[tuple[JudgeCase, bool]]]:
    lines = Path(__file__).with_name("cases.jsonl").read_text(encoding="utf-8").splitlines()
    groups: dict[str, list[tuple[JudgeCase, bool]]] = defaultdict(list)
    for line in lines:
        record = json.loads(line)
        choices = record["choices"]
        case = JudgeCase(
            record["question"],
            tuple(record["references"]),
            record["prediction"],
            record["kind"],
            tuple(choices) if choices else None,
            record["tolerance"],
        )
        groups[record["source"]].append((case, record["expected"]))
    return groups


GROUPS = _load()


@pytest.fixture(scope="module")
def rule() -> Iterator[RuleJudge]:
    judge = RuleJudge()
    yield judge
    judge.close()


@pytest.mark.parametrize("source", sorted(GROUPS))
def test_no_verdict_is_wrong(rule: RuleJudge, source: str) -> None:
    wrong = [
        f"{case.question!r} {case.references} {case.prediction!r}: {decided}, not {expected}"
        for case, expected in GROUPS[source]
        if (decided := rule.decide(case)) is not None and decided is not expected
    ]
    assert not wrong, "\n".join(wrong)


def test_few_right_answers_are_left_undecided(rule: RuleJudge) -> None:
    right = [case for group in GROUPS.values() for case, expected in group if expected]
    undecided = [case for case in right if rule.decide(case) is None]
    assert len(right) > 500
    assert len(undecided) <= MAX_UNDECIDED * len(right)
