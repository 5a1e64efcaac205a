"""A run that ends before its end says what is saved, and the line that goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agents import ProcessEndedError
from benchmarks.safety.disk import storing
from benchmarks.safety.stopping import Stopped
from benchmarks.training.method import Method
from benchmarks.training.run_folder import RunFolder


@contextmanager
def resumable(folder: RunFolder, method: Method) -> Iterator[None]:
    """Has what ends a run from outside say how to go on.

    Args:
        folder: The run's.
        method: How it learns.

    Raises:
        Stopped: If it was asked to end.
        ProcessEndedError: If a process that it needs has ended.
        StorageError: If its folder can no longer be written to.
    """
    try:
        with storing(folder.path, lambda: told_of(folder, method)):
            yield
    except Stopped as stopped:
        raise Stopped(stopped.number, told_of(folder, method)) from stopped
    except ProcessEndedError as ended:
        advice = f"{ended.advice} {told_of(folder, method)}".lstrip()
        raise ProcessEndedError(ended.what, ended.log, advice) from ended


def told_of(folder: RunFolder, method: Method) -> str:
    """What is saved of a run, and how to go on with it."""
    if folder.is_complete:
        return f"The run is complete: {folder.path}."
    latest = folder.latest_checkpoint()
    saved = f"Iteration {latest[0]} is saved." if latest else "No checkpoint was written yet."
    return f"{saved} To go on: visionthink {method.command} --resume {folder.path}"
