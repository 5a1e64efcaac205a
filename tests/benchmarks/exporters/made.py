"""Exporters of the tests' own, found by where they are."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from benchmarks import ExportedRun, Exporter, Shown

HERE = "tests.benchmarks.exporters.made"
SHOWN = Shown(Image.new("RGB", (56, 28), "red"), "What color is it? → 'red', right, after asking")


def exported(folder: Path, resumed: bool = False) -> ExportedRun:
    """What a run tells of itself."""
    settings = {"rewards.price": 0.25, "grpo.shaper": "paper", "run.stop_on_collapse": False}
    made_by = {"visionthink": "0.1.0", "command": ["visionthink", "train"], "packages": {"a": "1"}}
    return ExportedRun("a-run", "visionthink", folder, settings, made_by, resumed)


class Kept(Exporter):
    """Keeps all that it is told, of all that are made."""

    told: ClassVar[list[tuple[str, Any]]] = []
    threads: ClassVar[set[str]] = set()

    def begin(self, run: ExportedRun) -> None:
        self.keep("begin", run.name)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self.keep("log", (iteration, dict(metrics)))

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:
        self.keep("show", (iteration, len(episodes)))

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        self.keep("finish", summary)

    def keep(self, what: str, told: Any) -> None:
        self.told.append((what, told))
        self.threads.add(threading.current_thread().name)


class Stumbles(Kept):
    """Fails at every iteration, and tells what it should not."""

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        raise OSError("no route to https://me:hunter22@board.example, key sk-0123456789")


class Refuses(Kept):
    """Never begins."""

    def begin(self, run: ExportedRun) -> None:
        raise SystemExit("not today")


class Sticks(Kept):
    """Is never done with an iteration until it is let go."""

    free: ClassVar[threading.Event] = threading.Event()

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self.free.wait(60)
