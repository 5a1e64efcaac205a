"""The contracts that all judges share, and what importing them loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

from judges import (
    CachedJudge,
    JudgeCase,
    JudgeError,
    RegistryError,
    RuleJudge,
    UnknownNameError,
    Verdict,
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
