"""Judging in the background, so that a learner seldom waits for a judge."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from judges.base import JudgeCase, JudgeLike, Verdict, as_judge, judge_each
from judges.parameters import as_count


class JudgeQueue:
    """Takes cases as episodes finish, and judges them while others still generate.

    Args:
        judge: The judge; must bear being called from several threads.
        threads: Batches judged at the same time.
        max_batch: Largest batch handed to the judge.

    Raises:
        JudgeError: If an argument is no whole number of at least 1.
    """

    def __init__(self, judge: JudgeLike, threads: int = 4, max_batch: int = 256) -> None:
        threads = as_count("threads", threads, 1)
        self._judge = as_judge(judge)
        self._max_batch = as_count("max_batch", max_batch, 1)
        self._waiting: deque[tuple[JudgeCase, Future[Verdict]]] = deque()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._blocked = 0.0
        self._since = time.monotonic()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="judge-queue")

    def submit(self, case: JudgeCase) -> Future[Verdict]:
        """Hands in one case and returns at once."""
        future: Future[Verdict] = Future()
        with self._lock:
            self._waiting.append((case, future))
        self._pool.submit(self._drain)
        return future

    def gather(self, futures: Sequence[Future[Verdict]]) -> list[Verdict]:
        """Waits for verdicts, in the order of `futures`; the time spent here is the wait.

        Raises:
            JudgeError: If the judge raised it.
        """
        started = time.monotonic()
        try:
            verdicts = [future.result() for future in futures]
        finally:
            with self._lock:
                self._blocked += time.monotonic() - started
        return verdicts

    def metrics(self) -> dict[str, float]:
        """Returns what happened since the last call, and starts to count anew.

        ``judge/wait_share`` is the share of the time that was spent waiting in `gather`;
        ``judge/abstained_share`` and ``judge/cached_share`` are shares of the verdicts, and
        ``judge/abstained/<reason>`` counts them by reason; ``judge/retries`` and the tokens are
        sums. All shares lie in [0, 1].
        """
        now = time.monotonic()
        with self._lock:
            counts, blocked, since = self._counts, self._blocked, self._since
            self._counts, self._blocked, self._since = Counter(), 0.0, now
        done = counts["verdicts"] or 1
        elapsed = max(now - since, 1e-9)
        metrics = {
            "judge/wait_share": min(1.0, blocked / elapsed),
            "judge/wait_seconds": blocked,
            "judge/verdicts": float(counts["verdicts"]),
            "judge/abstained_share": counts["abstained"] / done,
            "judge/cached_share": counts["cached"] / done,
            "judge/retries": float(counts["retries"]),
            "judge/prompt_tokens": float(counts["prompt_tokens"]),
            "judge/completion_tokens": float(counts["completion_tokens"]),
        }
        reasons = (name for name in counts if name.startswith("judge/abstained/"))
        return metrics | {name: float(counts[name]) for name in reasons}

    def close(self) -> None:
        """Waits for what is under way; the judge itself stays open."""
        self._pool.shutdown(wait=True)

    def __enter__(self) -> JudgeQueue:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _drain(self) -> None:
        """Judges what is waiting, as one batch; an empty queue was drained by another thread."""
        with self._lock:
            size = min(len(self._waiting), self._max_batch)
            batch = [self._waiting.popleft() for _ in range(size)]
        if not batch:
            return

        def hear(found: Mapping[int, Verdict]) -> None:
            self._note(found.values())
            for place, verdict in found.items():
                batch[place][1].set_result(verdict)

        try:
            judge_each(self._judge, [case for case, _ in batch], hear)
        except BaseException as error:
            for _, future in batch:
                if not future.done():  # a verdict that came before is kept
                    future.set_exception(error)

    def _note(self, verdicts: Iterable[Verdict]) -> None:
        """Adds verdicts to the counts."""
        with self._lock:
            for verdict in verdicts:
                used = verdict.usage
                self._counts.update(
                    verdicts=1,
                    cached=int(verdict.cached),
                    abstained=int(verdict.abstained is not None),
                    retries=used.retries,
                    prompt_tokens=used.prompt_tokens,
                    completion_tokens=used.completion_tokens,
                )
                if verdict.abstained is not None:
                    self._counts[f"judge/abstained/{verdict.abstained}"] += 1
