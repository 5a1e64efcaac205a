"""The contracts that all judges share, and what importing them loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from judges import (
    CachedJudge,
    CascadeJudge,
    Judge,
    JudgeCase,
    JudgeError,
    JudgeQueue,
    RegistryError,
    RuleJudge,
    UnknownNameError,
    Verdict,
    as_judge,
    audit,
    check_judge,
    make_judge,
)
from judges.base import JUDGES


def test_a_verdict_has_a_score_or_a_reason() -> None:
    assert Verdict(1.0).correct is True
    assert Verdict(0.0).correct is False
    assert Verdict(None, "timeout").correct is None
    for score, reason in ((None, None), (1.0, "timeout"), (1.5, None), (-0.1, None)):
        with pytest.raises(JudgeError):
            Verdict(score, reason)


def test_a_case_needs_a_reference_and_a_known_kind() -> None:
    with pytest.raises(JudgeError, match="reference"):
        JudgeCase("q", (), "p")
    with pytest.raises(UnknownNameError, match="number"):
        JudgeCase("q", ("a",), "p", kind="nunber")  # type: ignore[arg-type]
    with pytest.raises(JudgeError, match="tolerance"):
        JudgeCase("q", ("a",), "p", tolerance=-1.0)


def test_judges_are_made_by_name() -> None:
    assert isinstance(make_judge("rule", anls_threshold=0.9), RuleJudge)
    judge = RuleJudge()
    assert make_judge(judge) is judge
    with pytest.raises(UnknownNameError, match="Did you mean 'rule'"):
        make_judge("rules")
    with pytest.raises(JudgeError, match="Keyword"):
        make_judge(judge, anls_threshold=0.9)
    with pytest.raises(JudgeError, match="int"):
        make_judge(3)  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="registered already"):
        JUDGES.register("rule", CachedJudge)
    assert {"rule", "llm", "rule_then_llm", "replay"} <= set(JUDGES)


def test_importing_the_judges_loads_nothing_heavy() -> None:
    heavy = {"torch", "openai", "ray", "gymnasium", "transformers", "vllm", "numpy", "math_verify"}
    code = "import sys, judges; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['openai'] = None\n"
        "from judges import JudgeCase, make_judge\n"
        "make_judge('llm', model='m').judge([JudgeCase('q', ('a',), 'b')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install -e '.[judge]'" in done.stderr


def test_the_rules_work_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['rapidfuzz'] = sys.modules['math_verify'] = None\n"
        "from judges import JudgeCase, RuleJudge\n"
        "notice = 'the road is closed to all traffic'\n"
        "cases = [JudgeCase('q', (notice,), notice.replace('closed', 'clossed')),\n"
        "         JudgeCase('q', ('x^2 + 1',), '1 + x^2')]\n"
        "print([verdict.score for verdict in RuleJudge().judge(cases)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1.0, 0.0]"


def test_a_judge_can_be_a_mapping_as_settings_files_have_it() -> None:
    judge = make_judge({"name": "rule", "anls_threshold": 0.9})
    assert judge.name == "rule"
    with pytest.raises(JudgeError, match="needs a 'name'"):
        make_judge({"anls_threshold": 0.9})
    with pytest.raises(UnknownNameError, match="Did you mean 'rule'"):
        make_judge({"name": "ruel"})


class Bare:
    """Somebody's judge: a name and `judge`, nothing else."""

    def __init__(self) -> None:
        self.name = "bare"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return [Verdict(1.0, judge=self.name) for _ in cases]


class Full(Bare):
    """Somebody's judge that derives from nothing, and has more."""

    fingerprint = "full 2"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def check(self) -> None:
        self.said.append("check")

    def close(self) -> None:
        self.said.append("close")


class Derived(Judge):
    """A judge that overrides nothing."""

    name = "derived"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return [Verdict(0.0, judge=self.name) for _ in cases]


CASE = JudgeCase("q", ("a",), "b")


def test_a_judge_has_defaults_for_all_but_name_and_judge() -> None:
    judge = Derived()
    judge.check()
    judge.close()
    assert judge.fingerprint == "derived"
    assert judge.judge_each([CASE], lambda _: None) == judge.judge([CASE])
    assert as_judge(judge) is judge
    with pytest.raises(TypeError, match="abstract"):
        Judge()  # type: ignore[abstract]


def test_a_name_and_judge_are_enough_wherever_a_judge_is_taken(tmp_path: Path) -> None:
    bare = Bare()
    check_judge(bare)
    whole = as_judge(bare)
    whole.close()
    assert (whole.name, whole.fingerprint) == ("bare", "bare")
    assert make_judge(bare).judge([CASE]) == bare.judge([CASE])
    assert CascadeJudge([bare]).fingerprint == "bare"
    assert audit([CASE], bare, Derived()).only_first == 1
    with JudgeQueue(bare) as queue:
        assert queue.gather([queue.submit(CASE)]) == bare.judge([CASE])
    cached = CachedJudge(bare, tmp_path / "verdicts.sqlite")
    assert cached.judge([CASE])[0].score == 1.0
    cached.close()


def test_what_a_judge_has_beside_is_asked_though_it_derives_from_nothing() -> None:
    full = Full()
    cascade = CascadeJudge([full])
    cascade.check()
    cascade.close()
    assert full.said == ["check", "close"]
    assert cascade.fingerprint == "full 2"
