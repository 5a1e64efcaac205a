"""An event loop in a thread of its own, for judges that are asynchronous inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
V = TypeVar("V")
_LISTEN_SECONDS = 0.02
"""How long what is said is gathered: a thread that wakes for each word holds up the loop."""


class LoopThread:
    """Runs coroutines for callers that are not asynchronous, or are so on another loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="judge-loop", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts a coroutine; returns at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end; a `KeyboardInterrupt` here cancels it there."""
        future = self.submit(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def run_telling(
        self,
        start: Callable[[Callable[[V], None]], Coroutine[Any, Any, T]],
        tell: Callable[[list[V]], None],
    ) -> T:
        """Runs a coroutine to its end, and hands on what it says on its way.

        Args:
            start: Makes the coroutine, given the function by which it says something.
            tell: Called in this thread with what was said since the last call, fifty times a
                second at most; what was said before a `KeyboardInterrupt` or an error is told too.
        """
        said: SimpleQueue[tuple[V] | None] = SimpleQueue()
        future = self.submit(start(lambda thing: said.put((thing,))))
        over = threading.Event()

        def end(_: Future[T]) -> None:
            said.put(None)
            over.set()

        future.add_done_callback(end)
        try:
            while (first := said.get()) is not None:
                over.wait(_LISTEN_SECONDS)
                tell([first[0], *_waiting(said)])
            return future.result()
        except BaseException:
            future.cancel()
            if rest := _waiting(said):
                tell(rest)
            raise

    def close(self) -> None:
        """Stops the loop and waits for its thread; may be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _serve(self) -> None:
        """Runs the loop until it is stopped, then cancels what is left on it."""
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()


def _waiting(said: SimpleQueue[tuple[V] | None]) -> list[V]:
    """Takes what is in the queue, up to the mark of its end, which stays."""
    found: list[V] = []
    try:
        while (item := said.get_nowait()) is not None:
            found.append(item[0])
    except Empty:
        return found
    said.put(None)
    return found
