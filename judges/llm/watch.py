"""Ends a group of processes when the process that started it is gone, however that ended.

Run as a script, with the group's number and that of the process; it reads its standard input, whose
other end the process holds. A byte says that all is well and the watch is over.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

LOOK_SECONDS = 0.5
GRACE_SECONDS = 10.0


def watch(group: int, parent: int) -> None:
    """Waits until the process is gone or the watch is over.

    Args:
        group: Number of the group of processes.
        parent: The process that started it.
    """
    while True:
        heard, _, _ = select.select([0], [], [], LOOK_SECONDS)
        if heard and os.read(0, 1):
            return
        # A fork of the process may hold the pipe open, so its number is looked at too.
        if heard or os.getppid() != parent:
            end(group)
            return


def end(group: int, grace_seconds: float = GRACE_SECONDS) -> None:
    """Ends a group: politely, then not."""
    deadline = time.monotonic() + grace_seconds
    try:
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            time.sleep(0.1)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]))
