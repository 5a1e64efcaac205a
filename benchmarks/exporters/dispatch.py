"""`Exports`: tells exporters of a run, each in a thread of its own; training waits for none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from benchmarks.exporters.base import ExportedRun, Exporter, Shown, make_exporter
from benchmarks.exporters.told import told_error
from benchmarks.report.terminal import console

BEGIN_SECONDS = 60.0
"""How long training waits for an exporter to begin, so that what it says stands before the rest."""
FINISH_SECONDS = 180.0
"""How long the end of a run waits for an exporter."""
STOP_SECONDS = 30.0
"""The same where the run was ended before its end."""


class _Courier:
    """Calls one exporter, in order, in a thread of its own; tells its first failure."""

    def __init__(self, name: str) -> None:
        self.name, self._exporter = name, make_exporter(name)
        self._calls: SimpleQueue[Callable[[Exporter], None] | None] = SimpleQueue()
        self._begun, self._told, self._idle = False, False, threading.Event()
        threading.Thread(target=self._work, name=f"export {name}", daemon=True).start()

    def begin(self, run: ExportedRun) -> None:
        """Begins; returns when that is done, failed, or takes too long."""
        begun = threading.Event()

        def call(exporter: Exporter) -> None:
            try:
                exporter.begin(run)
                self._begun = True
            finally:
                begun.set()

        self._calls.put(call)
        begun.wait(BEGIN_SECONDS)

    def send(self, call: Callable[[Exporter], None]) -> None:
        """Calls later, unless it never begins."""
        self._calls.put(lambda exporter: call(exporter) if self._begun else None)

    def end(self, summary: Mapping[str, Any] | None, seconds: float) -> None:
        """Ends; says so if that takes too long."""
        self.send(lambda exporter: exporter.finish(summary))
        self._calls.put(None)
        if not self._idle.wait(seconds):
            self._tell(f"is not done within {seconds:.0f} s, and is left behind")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call(self._exporter)
            except (Exception, SystemExit) as error:
                self._tell(f"failed ({told_error(error)}); training goes on")
        self._idle.set()

    def _tell(self, what: str) -> None:
        if not self._told:
            self._told = True
            console.print(f"export: {self.name} {what}.", markup=False, soft_wrap=True)


class Exports:
    """The exporters of a run.

    Args:
        names: In `EXPORTERS`, or ``module:attribute``; none: nothing is done at all.
        finish_seconds: How long the end of the run waits for each.
    """

    def __init__(self, names: Sequence[str], finish_seconds: float = FINISH_SECONDS) -> None:
        self._couriers = [_Courier(name) for name in dict.fromkeys(names)]
        self._seconds = finish_seconds

    def __bool__(self) -> bool:
        return bool(self._couriers)

    def begin(self, run: ExportedRun) -> None:
        """Tells that the run begins, or goes on."""
        for courier in self._couriers:
            courier.begin(run)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Tells metrics of an iteration."""
        told = dict(metrics)
        for courier in self._couriers:
            courier.send(lambda exporter: exporter.log(iteration, told))

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:
        """Tells a few episodes of the final evaluation."""
        for courier in self._couriers:
            courier.send(lambda exporter: exporter.show(iteration, episodes))

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        """Tells that the run is over, with its summary, or was ended (None); nothing comes after.

        Args:
            summary: As in ``summary.json``.
        """
        couriers, self._couriers = self._couriers, []
        for courier in couriers:
            limit = self._seconds if summary is not None else min(self._seconds, STOP_SECONDS)
            courier.end(summary, limit)
