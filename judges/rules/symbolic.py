"""Symbolic equality through `math-verify`, in a process of its own.

`math-verify` bounds its time with signals, which work in a main thread only, and a formula such as
``9^9^9^9`` can hold a computer for ever. So it runs in a child process that is started at the
first formula, answers over a pipe, and is killed when it is late.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import selectors
import subprocess
import sys
import threading
import time
import weakref
from functools import lru_cache
from pathlib import Path

_WORKER = Path(__file__).with_name("symbolic_worker.py")
_SYMBOLS = re.compile(r"\\[a-zA-Z]+|[\^_]|[A-Za-z0-9)]\s*[-+*/=]\s*[A-Za-z0-9(]|√|π|∞")
_MARKS = frozenset("\\^=√π∞*/+()")
_MAX_CHARS = 400


def looks_symbolic(prediction: str, reference: str) -> bool:
    """True when the reference is a formula, and both are short enough to be compared."""
    if len(prediction) > _MAX_CHARS or len(reference) > _MAX_CHARS:
        return False
    return is_formula(reference)


def is_formula(text: str) -> bool:
    """True for text with LaTeX commands, powers, operators or mathematical symbols."""
    return not _MARKS.isdisjoint(text) and _SYMBOLS.search(text) is not None


@lru_cache(maxsize=1)
def available() -> bool:
    """True when `math-verify` is installed."""
    return importlib.util.find_spec("math_verify") is not None


class MathChecker:
    """Compares formulas in a child process; safe to use from any thread.

    Args:
        timeout: Seconds one comparison may take, the start of the process aside.
        start_timeout: Seconds the process may take to start.
    """

    def __init__(self, timeout: float = 3.0, start_timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._finalizer: weakref.finalize | None = None  # type: ignore[type-arg]

    def equal(self, prediction: str, reference: str) -> bool | None:
        """Returns True when the two are equal; None when that cannot be told in time."""
        if not available():
            return None
        with self._lock:
            if self._process is None and not self._start():
                return None
            request = json.dumps([reference, prediction]).encode() + b"\n"
            reply = self._exchange(request, self._timeout)
            if reply is None:
                self._stop()
                return None
            return True if reply.get("equal") is True else None

    def close(self) -> None:
        """Stops the child process, if there is one."""
        with self._lock:
            self._stop()

    def __getstate__(self) -> dict[str, float]:
        return {"timeout": self._timeout, "start_timeout": self._start_timeout}

    def __setstate__(self, state: dict[str, float]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _start(self) -> bool:
        """Starts the child and waits until it is ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._finalizer = weakref.finalize(self, _kill, self._process)
        if self._exchange(b"", self._start_timeout) is None:
            self._stop()
            return False
        return True

    def _stop(self) -> None:
        """Kills the child."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = None

    def _exchange(self, request: bytes, timeout: float) -> dict[str, object] | None:
        """Sends one line and reads one; None when the child is late or gone."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            if request:
                process.stdin.write(request)
                process.stdin.flush()
            line = _read_line(process.stdout.fileno(), timeout)
        except (BrokenPipeError, OSError):
            return None
        return json.loads(line) if line else None


def _read_line(descriptor: int, timeout: float) -> bytes:
    """Reads up to a line feed; empty when `timeout` seconds pass or the pipe closes."""
    deadline = time.monotonic() + timeout
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not received.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return b""
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return b""
            received += chunk
    return received


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a child process and closes its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
