"""`Stopwatch`: seconds by phase, of whatever takes its turns in one thread."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Stopwatch:
    """Adds up the seconds that are spent in phases, by name."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Within, the time is the phase's, an error or not; phases may lie in one another.

        Args:
            phase: Its name.
        """
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add({phase: time.perf_counter() - start})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Adds what others measured.

        Args:
            seconds: By phase.
        """
        for phase, took in seconds.items():
            self._seconds[phase] = self._seconds.get(phase, 0.0) + took

    def take(self) -> dict[str, float]:
        """Seconds by phase since the last call, in the order of their first ends; starts anew."""
        taken, self._seconds = self._seconds, {}
        return taken


def slowest(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The longest that each phase took anywhere, of parts that ran at the same time.

    Args:
        parts: Seconds by phase, one mapping a part.
    """
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: max(part.get(name, 0.0) for part in parts) for name in names}
