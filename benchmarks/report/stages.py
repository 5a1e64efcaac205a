"""What a run is doing, from its first second: its folder, its stages, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.report.terminal import console


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        name: One word.
        about: What is done in it.
        seconds: How long it is going to take; None: not known.
    """

    name: str
    about: str
    seconds: float | None = None


def duration(seconds: float) -> str:
    """A time in words: ``"45 s"``, ``"6 min"``, ``"1 h 20 min"``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def announce(folder: Path, stages: Sequence[Stage]) -> None:
    """Says where a run goes, and what is going to be done for how long."""
    console.print(f"Run: {folder}", markup=False, soft_wrap=True)
    for stage in stages:
        about = f"about {duration(stage.seconds)}" if stage.seconds is not None else ""
        console.print(f"  {stage.name:<10} {stage.about:<50} {about}".rstrip(), markup=False)


@contextmanager
def under_way(name: str, steps: int = 0) -> Iterator[Callable[[], None]]:
    """Shows that a stage is under way, and at its end how long it took.

    Args:
        name: The stage's name.
        steps: How many steps it has; 0: it shows time alone.

    Yields:
        What is to be called after each step.
    """
    started, done = time.monotonic(), 0
    columns = [SpinnerColumn(), TextColumn("{task.description}")]
    columns += [BarColumn(bar_width=24), MofNCompleteColumn()] if steps else []
    terminal = console.is_terminal
    bar = Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=not terminal
    )
    task = bar.add_task(name, total=steps or None)

    def step() -> None:
        nonlocal done
        done += 1
        bar.advance(task)
        if not terminal and done < steps:
            console.print(f"{name} {done}/{steps} {time.monotonic() - started:.0f}s", markup=False)

    if not terminal:
        console.print(f"{name} …", markup=False)
    with bar:
        yield step
    console.print(f"{name}: {duration(time.monotonic() - started)}", markup=False)
