"""Judging in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from judges import JudgeCase, JudgeError, JudgeQueue, RuleJudge, Usage, Verdict
from tests.judges.contract import CASES, EXPECTED


class Slow:
    """Takes `seconds` for a batch; abstains on predictions of "?"."""

    name = "slow"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.batches: list[int] = []

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.batches.append(len(cases))
        time.sleep(self._seconds)
        used = Usage(10, 2, 3, retries=2)
        return [
            Verdict(None, "timeout", "slow", usage=used)
            if case.prediction == "?"
            else Verdict(1.0, None, "slow", usage=used)
            for case in cases
        ]


def test_verdicts_come_back_to_their_cases() -> None:
    with JudgeQueue(RuleJudge()) as queue:
        futures = [queue.submit(case) for case in CASES * 50]
        verdicts = queue.gather(futures)
    assert [verdict.correct for verdict in verdicts] == EXPECTED * 50


def test_submitting_does_not_wait() -> None:
    with JudgeQueue(Slow(0.3)) as queue:
        started = time.monotonic()
        futures = [queue.submit(CASES[0]) for _ in range(20)]
        assert time.monotonic() - started < 0.2
        queue.gather(futures)


def test_what_piles_up_is_judged_together() -> None:
    judge = Slow(0.1)
    with JudgeQueue(judge, threads=1, max_batch=8) as queue:
        queue.gather([queue.submit(CASES[0]) for _ in range(20)])
    assert sum(judge.batches) == 20
    assert max(judge.batches) == 8
    assert len(judge.batches) <= 5


def test_waiting_is_a_metric() -> None:
    with JudgeQueue(Slow(0.2)) as queue:
        futures = [queue.submit(CASES[0])]
        time.sleep(0.25)
        queue.gather(futures)
        assert queue.metrics()["judge/wait_share"] < 0.5
        queue.gather([queue.submit(CASES[0])])
        metrics = queue.metrics()
    assert metrics["judge/wait_share"] > 0.8
    assert metrics["judge/wait_seconds"] == pytest.approx(0.2, abs=0.15)


def test_costs_and_abstentions_are_metrics() -> None:
    with JudgeQueue(Slow(0.0)) as queue:
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


def test_closing_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with JudgeQueue(RuleJudge()) as queue:
        queue.gather([queue.submit(case) for case in CASES])
    assert set(threading.enumerate()) == before


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(JudgeError):
        JudgeQueue(RuleJudge(), threads=0)
