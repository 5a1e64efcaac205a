"""`Batcher`: requests that arrive together are answered together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future

from benchmarks.serve.requests import RequestError
from benchmarks.serve.speakers import Job, Said

PATIENCE = 5
"""A batch is gathered for at most so many waits."""
_Waiting = tuple[Job, "Future[Said]"]


class Batcher:
    """Gathers jobs, and answers those of one group at once, in a thread of its own.

    Args:
        speak: Answers jobs of one group, or refuses some, in their order.
        size: Most jobs that are answered at once.
        wait: Seconds to wait for another job after the last one.
    """

    def __init__(
        self,
        speak: Callable[[Sequence[Job]], Sequence[Said | RequestError]],
        size: int,
        wait: float,
    ) -> None:
        self._speak, self._size, self._wait = speak, size, wait
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Future[Said]:
        """Hands in a job; one whose future is cancelled before its batch begins is left out."""
        future: Future[Said] = Future()
        self._queue.put((job, future))
        return future

    @property
    def alive(self) -> bool:
        """Whether jobs are answered."""
        return self._thread.is_alive()

    def close(self, seconds: float) -> bool:
        """Ends when the jobs handed in before are answered.

        Args:
            seconds: How long to wait for that.

        Returns:
            Whether it ended.
        """
        self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._gather()
            groups: dict[Hashable, list[_Waiting]] = {}
            for job, future in batch:
                if future.set_running_or_notify_cancel():
                    groups.setdefault(job.group, []).append((job, future))
            for group in groups.values():
                self._answer(group)

    def _gather(self) -> tuple[list[_Waiting], bool]:
        """Those who came together, and whether there may be more."""
        first = self._queue.get()
        if first is None:
            return [], False
        batch, end = [first], time.monotonic() + PATIENCE * self._wait
        while len(batch) < self._size:
            left = min(self._wait, end - time.monotonic())
            try:
                found = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            if found is None:
                return batch, False
            batch.append(found)
        return batch, True

    def _answer(self, group: Sequence[_Waiting]) -> None:
        try:
            said = self._speak([job for job, _ in group])
            for (_, future), one in zip(group, said, strict=True):
                if isinstance(one, RequestError):
                    future.set_exception(one)
                else:
                    future.set_result(one)
        except Exception as error:  # whatever an engine or an agent raises is told to who asked
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
