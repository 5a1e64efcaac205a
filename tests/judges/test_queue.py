"""Judging in the background."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from judges import JudgeCase, JudgeError, JudgeQueue, RuleJudge, Usage, Verdict
from tests.judges.contract import CASES, EXPECTED, Breaks


class Held:
    """Judges when it is let go."""

    name = "held"

    def __init__(self) -> None:
        self.called, self.go = threading.Event(), threading.Event()
        self.batches: list[int] = []

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.batches.append(len(cases))
        self.called.set()
        assert self.go.wait(60)
        return [Verdict(1.0) for _ in cases]


class Clock:
    """Time as the test tells it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Late:
    """A verdict that is there `seconds` after it is asked for."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def result(self) -> Verdict:
        self.clock.now += self.seconds
        return Verdict(1.0)


class Costly:
    """Has its price; abstains on predictions of "?"."""

    name = "costly"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        used = Usage(10, 2, 3, retries=2)
        return [
            Verdict(None, "timeout", "costly", usage=used)
            if case.prediction == "?"
            else Verdict(1.0, None, "costly", usage=used)
            for case in cases
        ]


def test_verdicts_come_back_to_their_cases() -> None:
    with JudgeQueue(RuleJudge()) as queue:
        futures = [queue.submit(case) for case in CASES * 50]
        verdicts = queue.gather(futures)
    assert [verdict.correct for verdict in verdicts] == EXPECTED * 50


def test_submitting_does_not_wait() -> None:
    judge = Held()
    with JudgeQueue(judge) as queue:
        futures = [queue.submit(CASES[0]) for _ in range(20)]
        assert not any(future.done() for future in futures)
        judge.go.set()
        assert [verdict.score for verdict in queue.gather(futures)] == [1.0] * 20


def test_what_piles_up_is_judged_together() -> None:
    judge = Held()
    with JudgeQueue(judge, threads=1, max_batch=8) as queue:
        first = queue.submit(CASES[0])
        assert judge.called.wait(60)
        futures = [queue.submit(CASES[0]) for _ in range(20)]
        judge.go.set()
        queue.gather([first, *futures])
    assert judge.batches == [1, 8, 8, 4]


def test_waiting_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("judges.queue.time.monotonic", clock)
    with JudgeQueue(RuleJudge()) as queue:
        future = queue.submit(CASES[0])
        future.result()
        clock.now += 3.0  # others generate
        queue.gather([future])
        assert queue.metrics()["judge/wait_share"] == 0.0
        clock.now += 3.0
        queue.gather([Late(clock, 1.0)])  # type: ignore[list-item]
        metrics = queue.metrics()
        assert metrics["judge/wait_share"] == 0.25
        assert metrics["judge/wait_seconds"] == 1.0
        assert queue.metrics()["judge/wait_seconds"] == 0.0


def test_costs_and_abstentions_are_metrics() -> None:
    with JudgeQueue(Costly()) as queue:
        cases = [CASES[0], CASES[0], CASES[0], JudgeCase("q", ("a",), "?")]
        queue.gather([queue.submit(case) for case in cases])
        metrics = queue.metrics()
        assert queue.metrics()["judge/verdicts"] == 0.0
    assert metrics["judge/verdicts"] == 4
    assert metrics["judge/abstained_share"] == 0.25
    assert metrics["judge/abstained/timeout"] == 1
    assert metrics["judge/retries"] == 8
    assert metrics["judge/prompt_tokens"] == 40
    assert metrics["judge/completion_tokens"] == 8


def test_an_error_of_the_judge_reaches_who_waits() -> None:
    class Broken:
        name = "broken"

        def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
            raise JudgeError("no key")

    with JudgeQueue(Broken()) as queue:
        future = queue.submit(CASES[0])
        with pytest.raises(JudgeError, match="no key"):
            queue.gather([future])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_judge_that_loses_or_doubles_verdicts_keeps_nobody_waiting(count: int) -> None:
    class Careless:
        name = "careless"

        def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
            return [Verdict(1.0)] * count

    judge = Careless()
    held = Held()
    with JudgeQueue(held, threads=1) as queue:
        first = queue.submit(CASES[0])
        assert held.called.wait(60)
        futures = [queue.submit(CASES[0]) for _ in range(2)]
        queue._judge = judge
        held.go.set()
        queue.gather([first])
        for future in futures:
            with pytest.raises(JudgeError, match=f"careless gave {count} verdicts on 2 cases"):
                queue.gather([future])


def test_a_verdict_that_came_before_an_error_is_kept() -> None:
    held = Held()
    with JudgeQueue(held, threads=1) as queue:
        first = queue.submit(CASES[0])
        assert held.called.wait(60)
        futures = [queue.submit(case) for case in CASES]
        queue._judge = Breaks()
        held.go.set()
        assert len(queue.gather([first, *futures[:3]])) == 4
        for future in futures[3:]:
            with pytest.raises(RuntimeError, match="broken"):
                queue.gather([future])
        assert queue.metrics()["judge/verdicts"] == 4


def test_closing_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with JudgeQueue(RuleJudge()) as queue:
        queue.gather([queue.submit(case) for case in CASES])
    assert set(threading.enumerate()) == before


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(JudgeError):
        JudgeQueue(RuleJudge(), threads=0)
