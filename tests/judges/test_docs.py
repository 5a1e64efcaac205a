"""The examples of `docs/judges.md` run, and its figures are the code's own."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from benchmarks.faults.replies import FAULTS
from judges import AbstentionLimit, RuleJudge, make_judge
from judges.base import JUDGES
from judges.llm import judge as llm
from judges.llm.bounds import ReplyBounds
from judges.llm.judge import LLMJudge
from judges.llm.retry import RetryPolicy
from tests.judges.contract import JudgeContract

GUIDE = (Path(__file__).parents[2] / "docs" / "judges.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JUDGES, "_entries", dict(JUDGES))


def test_the_figures_named_are_the_defaults() -> None:
    defaults = LLMJudge.__init__.__kwdefaults__
    assert defaults is not None
    assert f"`concurrency` ({defaults['concurrency']} requests in flight)" in GUIDE
    assert f"beyond {defaults['max_chars']:,} characters" in GUIDE
    assert AbstentionLimit.__init__.__defaults__ == (0.2, 256)
    assert RuleJudge.__init__.__defaults__ is not None
    assert f"ANLS ≥ {RuleJudge.__init__.__defaults__[0]}" in GUIDE


def test_every_bound_is_in_the_table() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", GUIDE, re.MULTILINE))
    bounds = {
        item.name: getattr(held, item.name)
        for held in (RetryPolicy(), ReplyBounds())
        for item in fields(held)
    }
    assert {name: float(value) for name, value in table.items()} == bounds


def test_the_number_of_faults_is_told() -> None:
    assert f"in the {len(FAULTS)} ways of" in GUIDE.replace("\n", " ")


def test_every_reason_for_an_abstention_is_told() -> None:
    source = (Path(llm.__file__)).read_text(encoding="utf-8")
    reasons = re.findall(r"^    (\w+) {2,}\w", source.split('"""')[1], re.MULTILINE)
    assert {"timeout", "not_found", "circuit_open"} <= set(reasons)
    assert all(reason == "abstention" or f"`{reason}`" in GUIDE for reason in reasons)


class TestExampleContract(JudgeContract):
    """The fifteen-line judge of the guide passes the contract suite."""

    @pytest.fixture
    def judge(self) -> object:
        exec(compile(EXAMPLES[-1], "docs/judges.md", "exec"), {})
        return make_judge("exact")
