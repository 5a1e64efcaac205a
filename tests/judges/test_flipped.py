"""A judge that is wrong at a known rate, and always on the same cases."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from judges import (
    CachedJudge,
    FlippedJudge,
    Judge,
    JudgeCase,
    JudgeError,
    ParameterError,
    RuleJudge,
    UnknownNameError,
    Usage,
    Verdict,
    make_judge,
)
from judges.base import Tell
from judges.flipped import draw
from tests.judges.contract import ODD_PREDICTIONS, JudgeContract, odd_cases

MANY = [JudgeCase(f"How many of {n}?", ("7",), "7") for n in range(4000)]


EXPECTED_TURNED = [False, False, True, True, True]
"""Of the plain cases; the seed 7 turns the first and the fourth round."""


class Graded(Judge):
    """Gives the scores it is told, None an abstention; tells them one by one, the last first."""

    name = "graded"

    def __init__(self, *scores: float | None) -> None:
        self.scores, self.calls = scores, list[str]()

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return [
            Verdict(score, "unsure" if score is None else None, self.name, usage=Usage(2, 1, 1))
            for score, _ in zip(self.scores, cases, strict=True)
        ]

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        verdicts = self.judge(cases)
        for place in reversed(range(len(cases))):
            tell({place: verdicts[place]})
        return verdicts

    def check(self) -> None:
        self.calls.append("check")

    def close(self) -> None:
        self.calls.append("close")


class TestUnturnedContract(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[Judge]:
        yield make_judge("flipped", rate=0)


class TestTurnedContract(JudgeContract):
    """All that is promised holds at the highest rate too, but for what the rate is there for."""

    expected = EXPECTED_TURNED

    @pytest.fixture
    def judge(self) -> Iterator[Judge]:
        yield make_judge("flipped", rate=0.5, seed=7)

    @pytest.mark.parametrize("prediction", ODD_PREDICTIONS, ids=range(len(ODD_PREDICTIONS)))
    def test_odd_predictions_are_never_right(self, judge: Judge, prediction: str) -> None:
        for verdict in judge.judge(odd_cases(prediction)):
            assert verdict.correct is (verdict.judge == "flipped(rule)")


def turned(rate: float, seed: int = 0) -> set[int]:
    verdicts = FlippedJudge(rate, seed=seed).judge(MANY)
    return {place for place, verdict in enumerate(verdicts) if not verdict.correct}


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.1, 0.2, 0.5])
def test_the_rate_is_kept(rate: float) -> None:
    assert len(turned(rate)) / len(MANY) == pytest.approx(rate, abs=0.02)


def test_what_is_turned_at_a_rate_is_so_at_a_higher_one() -> None:
    assert turned(0.05) < turned(0.1) < turned(0.2)
    assert turned(0.1) != turned(0.1, seed=1)


def test_the_hash_is_the_same_in_every_process_and_version() -> None:
    assert draw(0, MANY[0]) == pytest.approx(0.3915320969014928, abs=1e-12)
    copy = pickle.loads(pickle.dumps(FlippedJudge(0.2)))  # as Ray hands it to a worker
    assert copy.judge(MANY[:200]) == FlippedJudge(0.2).judge(MANY[:200])


def test_references_are_a_part_of_the_case_and_tolerances_are_not() -> None:
    case = JudgeCase("How many?", ("7",), "7")
    same = JudgeCase("How many?", ("7",), " 7\n", kind="integer", tolerance=0.5)
    assert draw(0, case) == draw(0, same)
    others = {draw(0, JudgeCase("How many?", (str(n),), "7")) for n in range(10)}
    assert len(others) == 10


def test_scores_are_turned_and_abstentions_stay() -> None:
    place = min(turned(0.5))
    cases = [MANY[place]] * 4
    verdicts = FlippedJudge(0.5, Graded(1.0, 0.25, None, 0.0)).judge(cases)
    assert [verdict.score for verdict in verdicts] == [0.0, 0.75, None, 1.0]
    assert [verdict.abstained for verdict in verdicts] == [None, None, "unsure", None]
    names = [verdict.judge for verdict in verdicts]
    assert names == ["flipped(graded)", "flipped(graded)", "graded", "flipped(graded)"]
    assert all(verdict.usage == Usage(2, 1, 1) for verdict in verdicts)


def test_verdicts_are_told_as_they_come() -> None:
    told: list[tuple[int, Verdict]] = []
    inner = Graded(*[1.0] * 50)
    verdicts = FlippedJudge(0.2, inner).judge_each(MANY[:50], lambda one: told.extend(one.items()))
    assert [place for place, _ in told] == [*range(50)][::-1]
    assert [dict(told)[place] for place in range(50)] == verdicts
    assert 0 < sum(not verdict.correct for verdict in verdicts) < 50


def test_the_judge_behind_is_checked_and_closed() -> None:
    inner = Graded()
    judge = FlippedJudge(0.1, inner)
    judge.check()
    judge.close()
    assert inner.calls == ["check", "close"]


def test_settings_may_be_words_of_a_command_line() -> None:
    judge = make_judge(
        "flipped", rate="0.1", judge="rule", params='{"anls_threshold": 1}', seed="4"
    )
    own = FlippedJudge(0.1, RuleJudge(anls_threshold=1.0), seed=4)
    assert judge.fingerprint == own.fingerprint
    setting = make_judge({"name": "flipped", "judge": "rule", "rate": 0.1})
    assert setting.fingerprint == FlippedJudge(0.1).fingerprint
    mapping = FlippedJudge(0.1, {"name": "rule", "anls_threshold": 1.0}, seed=4)
    assert mapping.fingerprint == own.fingerprint


def test_a_cache_keeps_each_rate_apart(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    for rate in (0.0, 0.2, 0.0, 0.2):
        judge = CachedJudge(FlippedJudge(rate), path)
        wrong = {place for place, v in enumerate(judge.judge(MANY[:300])) if not v.correct}
        assert wrong == {place for place in turned(rate) if place < 300}
        judge.close()
    prints = {FlippedJudge(rate, seed=seed).fingerprint for rate in (0, 0.2) for seed in (0, 1)}
    assert len(prints) == 4


@pytest.mark.parametrize("rate", [-0.01, 0.51, 1, float("nan"), float("inf"), "high", True, None])
def test_rates_out_of_range_are_refused(rate: object) -> None:
    with pytest.raises(JudgeError, match="rate must"):
        FlippedJudge(rate)  # type: ignore[arg-type]


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(JudgeError, match="seed must be a whole number of at least 0"):
        make_judge("flipped", rate=0.1, seed=-1)
    with pytest.raises(JudgeError, match="params must be a mapping"):
        make_judge("flipped", rate=0.1, params="anls")
    with pytest.raises(ParameterError, match="needs the setting 'rate'"):
        make_judge("flipped")
    with pytest.raises(UnknownNameError, match="Did you mean 'rule'"):
        make_judge("flipped", rate=0.1, judge="rules")
    with pytest.raises(ParameterError, match="Did you mean 'anls_threshold'"):
        make_judge("flipped", rate=0.1, params={"anls_treshold": 1})
