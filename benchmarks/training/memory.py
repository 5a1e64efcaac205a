"""Peak memory of this process and its children, sampled while the work goes on."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self


class PeakMemory:
    """Context manager; `peak_gb` is the largest total seen, in GB (10^9 bytes).

    Memory that processes share (libraries, shared memory) counts once: proportional set size.
    """

    def __init__(self, interval: float = 2.0) -> None:
        self.peak_gb = 0.0
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_gb = max(self.peak_gb, _total_bytes() / 1e9)
            if self._stop.wait(self._interval):
                return


def _total_bytes() -> int:
    import psutil

    total = 0
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            continue
    return total
