"""Cascades and votes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.faults.fault_server import FaultServer
from judges import (
    CascadeJudge,
    JudgeCase,
    JudgeError,
    MajorityJudge,
    RuleJudge,
    Usage,
    Verdict,
    make_judge,
)
from judges.base import Tell
from tests.judges.contract import CASES, JudgeContract

CASE = JudgeCase("q", ("a",), "b")


class Fixed:
    """Gives every case the same score, or abstains when it is None."""

    def __init__(self, name: str, score: float | None) -> None:
        self.name = name
        self._score = score
        self.asked = 0

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.asked += len(cases)
        reason = "unsure" if self._score is None else None
        return [Verdict(self._score, reason, self.name, usage=Usage(2, 1, 1)) for _ in cases]


class TestCascadeContract(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[CascadeJudge]:
        judge = CascadeJudge([RuleJudge(abstain_when_undecided=True), RuleJudge()])
        yield judge
        judge.close()


class TestRuleThenLLMContract(JudgeContract):
    @pytest.fixture
    def judge(self, tmp_path: Path) -> Iterator[CascadeJudge]:
        with FaultServer() as server:
            judge = make_judge(
                "rule_then_llm",
                model="m",
                cache=tmp_path / "cache.sqlite",
                base_url=server.url,
                api_key="k",
            )
            assert isinstance(judge, CascadeJudge)
            yield judge
            judge.close()


class TestMajorityContract(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[MajorityJudge]:
        judge = MajorityJudge(["rule", RuleJudge(anls_threshold=0.95), RuleJudge(1.0)])
        yield judge
        judge.close()


def test_the_model_is_asked_only_where_the_rule_is_undecided() -> None:
    model = Fixed("model", 1.0)
    cascade = CascadeJudge([RuleJudge(abstain_when_undecided=True), model])
    verdicts = cascade.judge([*CASES[:3], JudgeCase("Which?", ("Paris",), "France's capital")])
    assert [verdict.judge for verdict in verdicts] == ["rule", "rule", "rule", "model"]
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0, 1.0, 1.0]
    assert model.asked == 1
    assert cascade.name == "rule>model"


def test_a_cascade_that_never_decides_keeps_the_last_reason_and_all_costs() -> None:
    (verdict,) = CascadeJudge([Fixed("a", None), Fixed("b", None)]).judge([CASE])
    assert (verdict.score, verdict.abstained, verdict.judge) == (None, "unsure", "b")
    assert verdict.usage == Usage(4, 2, 2)


@pytest.mark.parametrize(
    ("scores", "score", "abstained"),
    [
        ([1.0, 1.0, 0.0], 1.0, None),
        ([0.0, 1.0, 0.0], 0.0, None),
        ([1.0, 1.0, None], 1.0, None),
        ([1.0, 0.0, None], None, "tie"),
        ([1.0, None, None], None, "too_few_votes"),
        ([None, None, None], None, "too_few_votes"),
        ([0.6, 0.4, 0.9], 1.0, None),
    ],
)
def test_votes(scores: list[float | None], score: float | None, abstained: str | None) -> None:
    judges = [Fixed(f"j{index}", value) for index, value in enumerate(scores)]
    (verdict,) = MajorityJudge(judges).judge([CASE])
    assert (verdict.score, verdict.abstained) == (score, abstained)
    assert verdict.judge == "majority(j0,j1,j2)"
    assert verdict.usage.calls == 3


def test_min_votes_is_a_setting() -> None:
    judges = [Fixed("a", 1.0), Fixed("b", None), Fixed("c", None)]
    assert MajorityJudge(judges, min_votes=1).judge([CASE])[0].score == 1.0
    assert MajorityJudge(judges, min_votes=2).judge([CASE])[0].abstained == "too_few_votes"


def test_combinations_that_cannot_work_are_refused() -> None:
    with pytest.raises(JudgeError, match="at least one"):
        CascadeJudge([])
    with pytest.raises(JudgeError, match="two judges"):
        MajorityJudge(["rule"])
    with pytest.raises(JudgeError, match="min_votes"):
        MajorityJudge(["rule", "rule"], min_votes=3)


def test_fingerprints_tell_combinations_apart() -> None:
    a, b = Fixed("a", 1.0), Fixed("b", 1.0)
    prints = {
        CascadeJudge([a, b]).fingerprint,
        CascadeJudge([b, a]).fingerprint,
        MajorityJudge([a, b]).fingerprint,
        MajorityJudge([a, b], min_votes=1).fingerprint,
    }
    assert len(prints) == 4


class TellsOneByOne(Fixed):
    """Tells each verdict on its own."""

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        verdicts = self.judge(cases)
        for place in reversed(range(len(cases))):
            tell({place: verdicts[place]})
        return verdicts


def test_a_cascade_tells_what_is_settled_as_it_comes() -> None:
    silent, sure = TellsOneByOne("silent", None), TellsOneByOne("sure", 1.0)
    told: list[tuple[int, Verdict]] = []
    verdicts = CascadeJudge([silent, sure]).judge_each(
        [CASE, CASE, CASE], lambda found: told.extend(found.items())
    )
    assert [place for place, _ in told] == [2, 1, 0]
    assert [dict(told)[place] for place in range(3)] == verdicts
    assert all(verdict.usage == Usage(4, 2, 2) for verdict in verdicts)


def test_a_vote_tells_each_case_once() -> None:
    judges = [TellsOneByOne("a", 1.0), Fixed("b", 0.0), TellsOneByOne("c", 1.0)]
    told: list[tuple[int, Verdict]] = []
    verdicts = MajorityJudge(judges).judge_each(
        [CASE, CASE], lambda found: told.extend(found.items())
    )
    assert [place for place, _ in told] == [1, 0]
    assert [verdict.score for verdict in verdicts] == [1.0, 1.0]
    assert verdicts[0].usage == Usage(6, 3, 3)
