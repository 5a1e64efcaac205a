"""What is looked at after each iteration: the held-out slice, collapse, and when to stop.

What is found goes where the run is shown: to its exporters, and at the end to TensorBoard.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agents import Trajectory
from benchmarks.doctor.during import begun, findings
from benchmarks.exporters.base import ExportedRun, check_exporters, run_name
from benchmarks.exporters.board import write_final
from benchmarks.exporters.dispatch import Exports
from benchmarks.exporters.episodes import shown_episodes
from benchmarks.exporters.figures import final_figures
from benchmarks.exporters.told import differing, told_error, told_provenance, told_settings
from benchmarks.report.terminal import console
from benchmarks.training.held_out import HeldOut
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import CourseSettings
from benchmarks.training.until import parse_goals, reached
from vt_env import VisionThinkError

Row = dict[str, float]


@dataclass
class Watch:
    """Looks at a training as it goes; a context, which closes what it writes to.

    Attributes:
        settings: Those of the run.
        folder: Where it is written.
        held_out: Plays the held-out slice; None: there is none.
        stopped: Why training ended before its last iteration; None: it did not.
    """

    settings: CourseSettings
    folder: RunFolder
    held_out: HeldOut | None = None
    stopped: str | None = None
    _rows: list[Row] = field(default_factory=list)
    _exports: Exports = field(init=False)

    def __post_init__(self) -> None:
        self._exports = Exports(self.settings.run.export)

    @staticmethod
    def check(settings: CourseSettings) -> None:
        """Finds out whether the run can be shown where it is to be.

        Raises:
            ConfigError: If an exporter's package is not installed.
        """
        check_exporters(settings.run.export)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.folder.close()
        if kind is not None:
            self._exports.finish(None)

    def begin(self, done: int) -> None:
        """Takes up what was logged before: a run that was killed after it stopped stays so."""
        if self._exports:
            self._exports.begin(self._exported(resumed=done > 0))
        self._rows = self.folder.metrics()[:done]
        self.folder.forget_findings_after(done)
        if self._rows:
            self._stop(done)

    def evaluate(self, iteration: int, save_model: Callable[[Path], None]) -> Row:
        """Plays the slice if it is time to, and keeps the model if it is the best so far.

        Args:
            iteration: The one that is done.
            save_model: Writes the model into a folder.
        """
        every, last = self.settings.evaluation.every, self.settings.run.iterations
        if self.held_out is None or (iteration % every and iteration != last):
            return {}
        metrics = self.held_out.measure()
        if is_better(metrics, iteration, self.folder.best()):
            self.folder.save_best(save_model, iteration, metrics)
        return metrics

    def look(self, iteration: int, metrics: Row) -> None:
        """Looks at the metrics of an iteration; sets `stopped` if that is to be the last.

        A collapse that begins is told, and written to ``doctor.jsonl``.
        """
        self._rows.append({"iteration": iteration, **metrics})
        for finding in begun(self._rows):
            told = f"doctor, iteration {iteration}: {finding.sentence()}"
            console.print(told, markup=False, soft_wrap=True)
            self.folder.log_finding({"iteration": iteration, **finding.record()})
        self._exports.log(iteration, metrics)
        self._stop(iteration)

    def _exported(self, resumed: bool) -> ExportedRun:
        parts = json.loads((self.folder.path / "provenance.json").read_text(encoding="utf-8"))
        return ExportedRun(
            name=run_name(self.folder.path),
            project=self.settings.run.export_project,
            folder=self.folder.path.resolve(),
            settings=told_settings(self.settings),
            provenance=told_provenance(parts[-1]),
            resumed=resumed,
        )

    def finish(
        self,
        summary: Mapping[str, Any],
        policy: Sequence[Trajectory],
        env_settings: Mapping[str, Any],
    ) -> None:
        """Tells the final evaluation to TensorBoard and to exporters; images to the latter alone.

        Args:
            summary: As in ``summary.json``.
            policy: Episodes of the final evaluation.
            env_settings: Of the environment that they were played in.
        """
        last = int(summary["iterations"])
        board = self.folder.path / "tensorboard"
        write_final(board, last, final_figures(summary), differing(self.settings))
        if not self._exports:
            return
        try:
            self._exports.show(last, shown_episodes(policy, self.settings.env.id, env_settings))
        except (VisionThinkError, OSError) as error:
            console.print(f"export: no images ({told_error(error)}).", markup=False, soft_wrap=True)
        self._exports.finish(summary)

    def _stop(self, iteration: int) -> None:
        until = self.settings.run.until
        if reached(parse_goals(until), self._rows[-1]):
            self.stopped = f"until {until} at iteration {iteration}"
        elif self.settings.run.stop_on_collapse:
            problems = [f for f in findings(self._rows) if f.severity == "problem"]
            for finding in problems[:1]:
                self.stopped = (
                    f"collapse at iteration {iteration}: {finding.name}: {finding.evidence}"
                )

    def summary(self) -> dict[str, Any]:
        """What the summary says of it: nothing where nothing was asked for."""
        found: dict[str, Any] = {}
        if self.stopped is not None:
            found["stopped"] = self.stopped
        best = self.folder.best() if self.held_out is not None else None
        if best is not None:
            found["best"] = best
        return found


def is_better(metrics: Row, iteration: int, best: dict[str, Any] | None) -> bool:
    """Whether a model takes the place of the best: it earns more, or is that very one again.

    Args:
        metrics: Those of the slice.
        iteration: When they were measured; a resumed run comes by an iteration twice.
        best: What `RunFolder.best` says.
    """
    reward = metrics.get("eval/reward")
    if reward is None:
        return False
    if best is None or best["iteration"] == iteration:
        return True
    return bool(reward > best["metrics"]["eval/reward"])
