"""The verdict cache: keys, counts, many processes, and replays."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judges import (
    CachedJudge,
    CacheMissError,
    CascadeJudge,
    Judge,
    JudgeCase,
    JudgeError,
    MajorityJudge,
    ReplayJudge,
    RuleJudge,
    Usage,
    Verdict,
    VerdictStore,
    make_judge,
)
from judges.cache import case_key
from judges.combine import close_all
from tests.judges.contract import CASES, EVERY_CASE, Breaks, JudgeContract


class Recorder:
    """A judge that records what it is asked, and abstains on predictions of "?"."""

    def __init__(self, fingerprint: str = "recorder|1") -> None:
        self.name = "recorder"
        self.fingerprint = fingerprint
        self.asked: list[JudgeCase] = []

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.asked.extend(cases)
        cost = Usage(10, 1, 1)
        return [
            Verdict(None, "timeout", self.name, usage=cost)
            if case.prediction == "?"
            else Verdict(float(case.prediction in case.references), None, self.name, usage=cost)
            for case in cases
        ]


class Renamed:
    """A judge under the recorder's fingerprint."""

    name, fingerprint = "recorder", "recorder|1"

    def __init__(self, judge: Judge) -> None:
        self.judge = judge.judge


class TestContract(JudgeContract):
    @pytest.fixture
    def judge(self, tmp_path: Path) -> Iterator[CachedJudge]:
        judge = CachedJudge(RuleJudge(), tmp_path / "cache.sqlite")
        yield judge
        judge.close()


class TestReplayContract(JudgeContract):
    @pytest.fixture
    def judge(self, tmp_path: Path) -> Iterator[ReplayJudge]:
        past = CachedJudge(RuleJudge(), tmp_path / "cache.sqlite")
        past.judge(EVERY_CASE)
        past.close()
        judge = ReplayJudge(tmp_path / "cache.sqlite")
        yield judge
        judge.close()


class TestReplayAfterRulesContract(JudgeContract):
    @pytest.fixture
    def judge(self, tmp_path: Path) -> Iterator[Judge]:
        past = CachedJudge(RuleJudge(), tmp_path / "cache.sqlite")
        past.judge(EVERY_CASE)
        past.close()
        judge = make_judge("replay", path=tmp_path / "cache.sqlite", rules_first="true")
        yield judge
        close_all([judge])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "cache.sqlite"


def test_a_case_is_asked_once(path: Path) -> None:
    inner = Recorder()
    judge = CachedJudge(inner, path)
    first = judge.judge(CASES)
    second = judge.judge(CASES)
    judge.close()
    assert len(inner.asked) == len(CASES)
    assert [v.score for v in first] == [v.score for v in second]
    assert not any(verdict.cached for verdict in first)
    assert all(verdict.cached and verdict.usage == Usage() for verdict in second)
    assert (judge.stats.hits, judge.stats.misses, judge.stats.stored) == (5, 5, 5)
    assert judge.stats.hit_share == 0.5


def test_identical_cases_of_a_batch_are_asked_once(path: Path) -> None:
    inner = Recorder()
    judge = CachedJudge(inner, path)
    verdicts = judge.judge([CASES[0]] * 16 + [CASES[1]] * 2)
    judge.close()
    assert len(inner.asked) == 2
    assert sum(verdict.usage.calls for verdict in verdicts) == 2
    assert sum(verdict.cached for verdict in verdicts) == 16
    assert (judge.stats.misses, judge.stats.repeated, judge.stats.hits) == (2, 16, 0)


def test_an_abstention_is_asked_again(path: Path) -> None:
    inner = Recorder()
    judge = CachedJudge(inner, path)
    case = JudgeCase("q", ("a",), "?")
    assert [v.abstained for v in judge.judge([case, case])] == ["timeout", "timeout"]
    assert judge.judge([case])[0].abstained == "timeout"
    judge.close()
    assert len(inner.asked) == 2
    assert judge.stats.stored == 0


def test_a_replay_gives_abstentions_until_a_score_takes_their_place(path: Path) -> None:
    case = JudgeCase("q", ("?",), "?")
    silent = CachedJudge(Recorder(), path)
    silent.judge([case])
    silent.close()
    replay = ReplayJudge(path)
    assert replay.judge([case, case])[1].abstained == "timeout"
    outspoken = CachedJudge(Renamed(RuleJudge()), path)
    assert outspoken.judge([case])[0].score == 1.0
    assert replay.judge([case])[0].score == 1.0
    late = CachedJudge(Recorder(), path)
    late.store.put("recorder|1", {case_key("recorder|1", case): Verdict(None, "timeout")})
    assert replay.judge([case])[0].score == 1.0
    for judge in (replay, outspoken, late):
        judge.close()


def test_rules_come_first_in_a_replay_when_told(path: Path) -> None:
    open_case = JudgeCase("Which city?", ("Paris",), "the French capital")
    past = CachedJudge(Recorder(), path)
    past.judge([open_case])
    past.close()
    alone, after_rules = (make_judge("replay", path=path, rules_first=first) for first in (0, 1))
    assert [v.judge for v in after_rules.judge([*CASES[:1], open_case])] == ["rule", "recorder"]
    with pytest.raises(CacheMissError):
        alone.judge([*CASES[:1], open_case])
    close_all([alone, after_rules])


def test_settings_are_part_of_the_rules_fingerprint() -> None:
    judges = [RuleJudge(), RuleJudge(0.9), RuleJudge(symbolic=False), RuleJudge(max_chars=9)]
    judges.append(RuleJudge(abstain_when_undecided=True))
    assert len({judge.fingerprint for judge in judges}) == len(judges)


def test_verdicts_outlive_the_judge(path: Path) -> None:
    first = CachedJudge(Recorder(), path)
    first.judge(CASES)
    first.close()
    inner = Recorder()
    second = CachedJudge(inner, path)
    assert all(verdict.cached for verdict in second.judge(CASES))
    second.close()
    assert inner.asked == []


def test_another_fingerprint_is_another_judge(path: Path) -> None:
    for fingerprint in ("model a|prompt 1", "model a|prompt 2", "model b|prompt 1"):
        inner = Recorder(fingerprint)
        judge = CachedJudge(inner, path)
        judge.judge(CASES)
        judge.close()
        assert len(inner.asked) == len(CASES)
    store = VerdictStore(path)
    assert set(store.fingerprints().values()) == {5}
    assert len(store) == 15
    store.close()


def test_every_part_of_a_case_counts_in_its_key() -> None:
    case = JudgeCase("q", ("a", "b"), "p")
    others = [
        replace(case, question="Q"),
        replace(case, references=("a",)),
        replace(case, references=("b", "a")),
        replace(case, references=("a,b",)),
        replace(case, prediction="P"),
        replace(case, kind="text"),
        replace(case, choices=("a", "b")),
        replace(case, tolerance=0.0),
        replace(case, tolerance=1.0),
        replace(case, prediction="\ud800"),
    ]
    keys = {case_key("f", other) for other in [case, *others]} | {case_key("g", case)}
    assert len(keys) == len(others) + 2
    assert case_key("f", case) == case_key("f", replace(case))


def test_replay_needs_no_judge(path: Path) -> None:
    judge = CachedJudge(Recorder(), path)
    expected = judge.judge(CASES)
    judge.close()
    replay = make_judge("replay", path=path)
    assert isinstance(replay, ReplayJudge)
    verdicts = replay.judge([*CASES, *CASES])
    assert [v.score for v in verdicts] == [v.score for v in [*expected, *expected]]
    assert {verdict.judge for verdict in verdicts} == {"recorder"}
    with pytest.raises(CacheMissError, match="1 of 2 cases"):
        replay.judge([CASES[0], JudgeCase("new?", ("a",), "b")])
    replay.close()


def test_replay_must_know_whom(path: Path, tmp_path: Path) -> None:
    for fingerprint in ("one", "two"):
        judge = CachedJudge(Recorder(fingerprint), path)
        judge.judge(CASES)
        judge.close()
    with pytest.raises(JudgeError, match="one; two"):
        ReplayJudge(path)
    replay = ReplayJudge(path, "two")
    assert replay.judge(CASES[:1])[0].score == 1.0
    replay.close()
    with pytest.raises(JudgeError, match="no verdict cache"):
        ReplayJudge(tmp_path / "none.sqlite")


def test_files_that_are_no_cache_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and they are long enough to be no database " * 20)
    with pytest.raises(JudgeError, match="no verdict cache"):
        VerdictStore(text)
    assert text.read_text().startswith("these are notes")
    newer = tmp_path / "newer.sqlite"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JudgeError, match="version 99"):
        VerdictStore(newer)


def _write(path: Path, worker: int, count: int) -> None:
    """Judges `count` cases, half of which every other process judges as well."""
    judge = CachedJudge(RuleJudge(), path)
    for i in range(count):
        owner = "all" if i % 2 else worker
        judge.judge([JudgeCase(f"{owner} {i}", ("1",), "1")])
    judge.close()


def _run_together(method: str, target: Callable[..., None], arguments: list[Any]) -> list[int]:
    """Runs a function in a process for each of its arguments; returns the exit codes."""
    context: Any = multiprocessing.get_context(method)
    workers = [context.Process(target=target, args=each) for each in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return [worker.exitcode for worker in workers]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_many_processes_share_a_cache(path: Path, method: str) -> None:
    parent = CachedJudge(RuleJudge(), path)
    parent.judge(CASES)
    assert _run_together(method, _write, [(path, i, 40) for i in range(4)]) == [0] * 4
    assert len(parent.store) == len(CASES) + 4 * 20 + 20
    parent.close()


@pytest.mark.parametrize("attempt", range(5))
def test_many_processes_make_a_cache_at_the_same_moment(path: Path, attempt: int) -> None:
    assert _run_together("fork", _write, [(path, i, 2) for i in range(8)]) == [0] * 8
    store = VerdictStore(path)
    assert len(store) == 9
    store.close()


def test_it_travels(path: Path) -> None:
    judge = CachedJudge(RuleJudge(), path)
    judge.judge(CASES)
    copy = pickle.loads(pickle.dumps(judge))
    assert all(verdict.cached for verdict in copy.judge(CASES))
    judge.close()
    copy.close()


def test_the_file_holds_no_text_of_a_case(path: Path) -> None:
    judge = CachedJudge(Recorder(), path)
    judge.judge([JudgeCase("a private question", ("a private answer",), "a private guess")])
    judge.close()
    connection = sqlite3.connect(path)
    dump = json.dumps([row[:1] for row in connection.iterdump()] + list(connection.iterdump()))
    connection.close()
    assert "private" not in dump


@pytest.mark.parametrize(
    "kind", ["alone", "cascade", "vote", "cache in a cascade", "cascade twice"]
)
def test_what_came_before_a_batch_broke_off_is_kept(kind: str, tmp_path: Path) -> None:
    judges: dict[str, Callable[[], Judge]] = {
        "alone": Breaks,
        "cascade": lambda: CascadeJudge([RuleJudge(abstain_when_undecided=True), Breaks()]),
        "vote": lambda: MajorityJudge([RuleJudge(), Breaks()]),
        "cache in a cascade": lambda: CascadeJudge([CachedJudge(Breaks(), tmp_path / "in.sqlite")]),
        "cascade twice": lambda: CascadeJudge([CascadeJudge([Breaks()])]),
    }
    judge = CachedJudge(judges[kind](), tmp_path / "cache.sqlite")
    odd = [
        JudgeCase(f"Why {i}?", ("because of this or that",), f"for reason {i}") for i in range(6)
    ]
    with pytest.raises(RuntimeError, match="broken"):
        judge.judge(odd)
    assert len(judge.store) == judge.stats.stored + (3 if kind == "vote" else 0) == 3
    judge.close()


def test_repeated_cases_are_told_with_the_first(tmp_path: Path) -> None:
    judge = CachedJudge(Recorder(), tmp_path / "cache.sqlite")
    told: dict[int, Verdict] = {}
    verdicts = judge.judge_each([CASES[0], CASES[1], CASES[0]], told.update)
    assert [told[place] for place in range(3)] == verdicts
    assert [verdict.cached for verdict in verdicts] == [False, False, True]
    assert [verdict.usage.calls for verdict in verdicts] == [1, 1, 0]
    judge.close()
