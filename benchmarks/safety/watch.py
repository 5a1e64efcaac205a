"""What keeps an eye on the processes that a run needs, and says which of them ended."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agents import ProcessEndedError
from agents.scratch import started
from benchmarks.safety.stopping import interrupt

EVERY_S = 0.25
"""How often, in seconds, processes are looked at."""
VITAL = ("gcs_server", "raylet")
"""Ray's own processes without which nothing goes on; the trainer itself would hear of it late."""


class ProcessWatch:
    """Looks at processes while it is open; what the main thread is at ends when one of them does.

    Args:
        node: Ray's head node of this session.
    """

    def __init__(self, node: Any) -> None:
        self.ended: ProcessEndedError | None = None
        self._node, self._closing = node, threading.Event()
        self._others: dict[str, int] = {}
        self._thread = threading.Thread(target=self._look, name="process-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._thread.join()
        if self.ended is None and isinstance(error, Exception):
            self.ended = self._found()  # Ray may have said first that it is gone
        if self.ended is not None and error is not self.ended:
            raise self.ended from None

    def also(self, others: Mapping[str, int]) -> None:
        """Looks at these processes too, pids by name."""
        self._others = dict(others)

    def no_more(self) -> None:
        """Looks at Ray's processes alone: the others are being ended."""
        self._others = {}

    def _look(self) -> None:
        while not self._closing.wait(EVERY_S):
            if (found := self._found()) is not None:
                self.ended = found
                if os.getppid() == 1:
                    # Without a raylet Ray ends a process without a word whose parent is the first
                    # of all (nohup, a container), and takes that for the raylet's end.
                    print(f"visionthink: {found}", file=sys.stderr, flush=True)
                interrupt()
                return

    def _found(self) -> ProcessEndedError | None:
        """Which one ended, if one did; imports nothing, which could take longer than Ray waits."""
        logs = Path(self._node.get_logs_dir_path())
        for kind, process in self._node.dead_processes():
            if kind in VITAL:
                return ProcessEndedError(f"Ray's {kind} (pid {process.pid})", logs / f"{kind}.out")
        for name, pid in self._others.items():
            if started(pid) is None:
                log = next(logs.glob(f"worker-*-{pid}.err"), logs)
                return ProcessEndedError(f"{name} (pid {pid})", log)
        return None
