"""What a person sees of a sweep: one bar over all iterations of all trials, a line for each end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.tune import Callback

from benchmarks.report.terminal import Live, console, live_line, progress_bar

PLAIN_EVERY = 10
"""Iterations of a trial between lines where there is no terminal to draw a bar on."""


class SweepProgress(Live, Callback):  # type: ignore[misc]
    """Hears of trials from Ray Tune.

    Args:
        iterations: Iterations that each trial has, by its id.
        done: Iterations that are done already, by id.
    """

    def __init__(self, iterations: Mapping[str, int], done: Mapping[str, int]) -> None:
        self._iterations, self._done = dict(iterations), dict(done)
        self._ended = 0
        self._progress = progress_bar()
        self._task = self._progress.add_task(
            "sweep", total=sum(self._iterations.values()), completed=sum(self._done.values())
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the bar, which is of this process: Tune writes its callbacks to its state."""
        return {name: value for name, value in vars(self).items() if name != "_progress"}

    def on_trial_start(self, *, trial: Any, **_told: Any) -> None:
        """A trial begins, or goes on."""
        console.print(f"{_id(trial)} …", markup=False, soft_wrap=True)

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **_told: Any) -> None:
        """An iteration of a trial is done."""
        name, number = _id(trial), result.get("iteration")
        if number is None:
            return
        self._done[name] = int(number)
        line = f"{name} {number}/{self._iterations[name]} {live_line(result)}"
        self._update(line)
        if not console.is_terminal and number % PLAIN_EVERY == 0:
            console.print(line, markup=False, soft_wrap=True)

    def on_trial_complete(self, *, trial: Any, **_told: Any) -> None:
        """A trial is over."""
        name = _id(trial)
        self._done[name] = self._iterations[name]
        self._end(f"{name}: done")

    def on_trial_error(self, *, trial: Any, **_told: Any) -> None:
        """A trial failed; the others go on."""
        error = trial.get_pickled_error()
        last = str(error).strip().splitlines()[-1] if error is not None else "unknown"
        self._end(f"{_id(trial)}: failed: {last}")

    def _end(self, text: str) -> None:
        self._ended += 1
        whole = len(self._iterations)
        console.print(f"{text} ({self._ended} of {whole})", markup=False, soft_wrap=True)
        self._update("")

    def _update(self, line: str) -> None:
        self._progress.update(self._task, completed=sum(self._done.values()), line=line)


def _id(trial: Any) -> str:
    return str(trial.config["trial"])
