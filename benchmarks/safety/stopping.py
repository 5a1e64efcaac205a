"""Ctrl-C, SIGTERM and SIGHUP: what is under way is saved if there is time, and it is said what was.

Slurm, systemd and ``docker stop`` send SIGTERM, a closed terminal SIGHUP. All three raise
`Stopped`, where Python and Ray would end without a word or with a trace of C++. Inside of
`Stop.patient` the first one waits for the end of what is under way, `GRACE` seconds at most; the
second one ends at once.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from benchmarks.report.terminal import console

GRACE = 10.0
"""Seconds that an iteration and its checkpoint have once the end is asked for."""
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopped(KeyboardInterrupt):
    """The end was asked for from outside.

    Attributes:
        number: The signal.
        told: What was saved, and how to go on; empty where nobody knows.
    """

    def __init__(self, number: int, told: str = "") -> None:
        super().__init__(number)
        self.number, self.told = number, told

    @property
    def code(self) -> int:
        """The exit code, as shells count it."""
        return 128 + self.number

    def __str__(self) -> str:
        name = "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name
        return f"Ended by {name}. {self.told}".rstrip()


class Stop:
    """Whether the end was asked for."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self._seconds, self._patient = GRACE, False

    @contextmanager
    def patient(self, seconds: float = GRACE) -> Iterator[None]:
        """The first signal waits for `check`.

        Args:
            seconds: For so long at most.
        """
        self._patient, self._seconds = True, seconds
        try:
            yield
        finally:
            self._patient = False
            if self.asked is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def check(self) -> None:
        """Ends what is under way, if that was asked for.

        Raises:
            Stopped: If it was.
        """
        if self.asked is not None:
            raise Stopped(self.asked)

    def take(self, number: int, _frame: FrameType | None) -> None:
        """Is called with a signal."""
        if number == signal.SIGALRM:
            raise Stopped(self.asked or number)
        again, self.asked = self.asked is not None, number
        if again or not self._patient:
            raise Stopped(number)
        console.print(
            f"Ending after this iteration, within {self._seconds:g} s; again ends at once."
        )
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def install(self) -> dict[int, Any]:
        """Has signals come here; those that are ignored, as under nohup, stay so.

        Returns:
            What they did before.
        """
        numbers = (*SIGNALS, signal.SIGALRM)
        before = {n: signal.getsignal(n) for n in numbers}
        taken = [n for n in numbers if before[n] is not signal.SIG_IGN]
        for number in taken:
            signal.signal(number, self.take)
        return {number: before[number] for number in taken}


_NEVER = Stop()
_open: list[Stop] = []


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Signals raise `Stopped` while this is open; outside of the main thread nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield _NEVER
        return
    stop = Stop()
    before = stop.install()
    _open.append(stop)
    try:
        yield stop
    finally:
        _open.remove(stop)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def current() -> Stop:
    """The innermost `stoppable` that is open; one that is never asked, where none is."""
    return _open[-1] if _open else _NEVER


def take_over() -> None:
    """Has signals come here again, after a library has taken them (Ray's C++ takes SIGTERM)."""
    if _open and threading.current_thread() is threading.main_thread():
        _open[-1].install()


def interrupt() -> None:
    """Ends what the main thread is at, from another one: there it is as if the user had ended it.

    Any other error is lost where Ray waits in C++.
    """
    main = threading.main_thread()
    if _open and main.ident is not None:
        signal.pthread_kill(main.ident, signal.SIGALRM)
    else:
        _thread.interrupt_main()
