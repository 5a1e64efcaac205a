"""Predictions that try to be right without being so; `attacks.jsonl` is open for more.

Each line has a `category`, the `base` question it goes with (see `BASES`), the `prediction`, and
`repeat` when the prediction is to be repeated. None of them answers its question rightly.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.fault_server import FaultPlan, FaultServer
from judges import CascadeJudge, JudgeCase, LLMJudge, RuleJudge
from judges.llm.prompt import load_prompt
from judges.llm.reply import parse_verdict

BASES: dict[str, dict[str, Any]] = {
    "number": {"question": "How many birds are there?", "references": ("47",)},
    "text": {"question": "What is the capital of France?", "references": ("Paris",)},
    "choice": {
        "question": "Which colour is the car?",
        "references": ("B",),
        "choices": ("red", "blue", "green", "white"),
    },
    "yes_no": {"question": "Is there a dog?", "references": ("yes",), "kind": "yes_no"},
}
MAX_CHARS = 2000


def _load() -> list[tuple[str, JudgeCase]]:
    lines = Path(__file__).with_name("attacks.jsonl").read_text(encoding="utf-8").splitlines()
    attacks = []
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        prediction = record["prediction"] * record.get("repeat", 1)
        case = JudgeCase(prediction=prediction, **BASES[record["base"]])
        attacks.append((f"{number}-{record['category']}", case))
    return attacks


ATTACKS = _load()
every_attack = pytest.mark.parametrize(
    "case", [case for _, case in ATTACKS], ids=[name for name, _ in ATTACKS]
)


def test_there_are_enough_of_them_of_every_sort() -> None:
    assert len(ATTACKS) >= 200
    assert len({name.split("-", 1)[1] for name, _ in ATTACKS}) >= 8
    assert any(len(case.prediction) >= 100_000 for _, case in ATTACKS)


def test_the_bases_can_be_answered_rightly() -> None:
    judge = RuleJudge()
    right = {"number": "47", "text": "Paris", "choice": "B", "yes_no": "yes"}
    for base, prediction in right.items():
        assert judge.decide(JudgeCase(prediction=prediction, **BASES[base])) is True


@every_attack
def test_the_rules_are_not_fooled(case: JudgeCase) -> None:
    assert RuleJudge().decide(case) is not True


@every_attack
def test_the_prompt_keeps_its_structure(case: JudgeCase) -> None:
    system, user = load_prompt("reference").messages(case, MAX_CHARS)
    harmless = JudgeCase(case.question, case.references, "x", case.kind, case.choices)
    assert system == load_prompt("reference").messages(harmless, MAX_CHARS)[0]
    fields = json.loads(user["content"])
    expected = {"question", "accepted_answers", "answer"} | (
        {"options"} if case.choices is not None else set()
    )
    pairs = json.loads(user["content"], object_pairs_hook=list)
    assert [name for name, _ in pairs] == list(fields)
    assert set(fields) == expected
    assert fields["accepted_answers"] == list(case.references)
    assert isinstance(fields["answer"], str)
    assert len(fields["answer"]) <= MAX_CHARS + 60
    assert not re.search(r"[<>]|\[/?[A-Z_]{2,}\]", user["content"])
    assert "\n" not in user["content"]


@every_attack
def test_repeating_what_was_read_is_no_verdict(case: JudgeCase) -> None:
    content = load_prompt("reference").messages(case, MAX_CHARS)[1]["content"]
    starts = [match.start() for match in re.finditer(r"\{", content)][:50]
    ends = [match.end() for match in re.finditer(r"\}", content)][-50:]
    for start in starts:
        for end in ends:
            assert parse_verdict(content[start:end]) is None
    assert parse_verdict(content) is None
    assert parse_verdict(json.dumps(case.prediction[:4000])) is None


def test_a_model_that_repeats_its_input_abstains() -> None:
    encoded = load_prompt("reference")

    def repeat(fields: dict[str, Any]) -> str:
        case = JudgeCase("q", tuple(fields["accepted_answers"]), fields["answer"])
        content = encoded.messages(case, MAX_CHARS)[1]["content"]
        return str(content[content.index('"answer": ') + len('"answer": ') + 1 : -2])

    with FaultServer(FaultPlan(reply=repeat)) as server:
        llm = LLMJudge("m", base_url=server.url, api_key="k", max_tries=1)
        with llm:
            verdicts = llm.judge([case for _, case in ATTACKS])
    assert {verdict.abstained for verdict in verdicts} == {"unparsable"}


def test_an_honest_model_behind_the_rules_calls_none_right() -> None:
    with FaultServer() as server:
        llm = LLMJudge("m", base_url=server.url, api_key="k")
        cascade = CascadeJudge([RuleJudge(abstain_when_undecided=True), llm])
        try:
            verdicts = cascade.judge([case for _, case in ATTACKS])
        finally:
            cascade.close()
    assert [verdict.score for verdict in verdicts] == [0.0] * len(ATTACKS)
