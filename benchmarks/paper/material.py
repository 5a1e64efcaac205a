"""What an item is made of: the trials of a sweep that are done, read back from their folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published import Figure, published
from benchmarks.safety.disk import write_json
from benchmarks.sweeps import Sweep, Trial
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.results import PointResult, results

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings, and rows of cells."""


@dataclass(frozen=True)
class Material:
    """A sweep that was run.

    Attributes:
        sweep: What was compared.
        planned: Its trials.
        folder: Where they are.
        beside: Other sweeps that are compared with it, by name.
        measured: What was measured of its models afterwards, as JSON has it.
    """

    sweep: Sweep
    planned: Sequence[Trial]
    folder: SweepFolder
    beside: Mapping[str, Material] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    def points(self) -> list[PointResult]:
        """Every point over its seeds."""
        return results(self.sweep, self.planned, self.folder)

    def summaries(self, point: str) -> list[dict[str, Any]]:
        """Final evaluations of a point's trials, a seed each."""
        return [self.folder.summary(trial) for trial in self.done(point)]

    def done(self, point: str) -> list[Trial]:
        """A point's trials that are done."""
        mine = [trial for trial in self.planned if trial.point == point]
        return [trial for trial in mine if self.folder.is_done(trial)]

    def model(self, trial: Trial) -> Path:
        """The model that a trial ended with."""
        return self.folder.trial(trial).path / "model"


def kept(
    file: Path, about: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    """What is measured once: read back where the file is of the same, measured and written if not.

    Args:
        file: Where it is kept.
        about: What the measurement hangs on, as JSON has it; it stands in the file beside.
        measure: Measures; returns what JSON has.
    """
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if found.pop("about") == about:
            return found
    found = dict(measure())
    write_json(file, {"about": about, **found})
    return found


def mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    """Mean of a metric over seeds; NaN where none has it."""
    values = [float(row[name]) for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else float("nan")


def share(value: float) -> str:
    """A share as it is printed."""
    return "–" if np.isnan(value) else f"{value:.1%}"


def printed(name: str, place: str, methods: Sequence[str] = ()) -> Table:
    """Rows of a file of published figures, as they are shown beside ours.

    Args:
        name: The file's name.
        place: Beginning of the table or figure; empty: all.
        methods: Those wanted; none: all.
    """
    figures = [
        figure
        for figure in published(name)
        if figure.place.startswith(place) and (not methods or figure.method in methods)
    ]
    cells: list[tuple[str, ...]] = [
        (f.method, f.setting, f.benchmark, f.metric, _value(f), f.source) for f in figures
    ]
    return ("method", "setting", "benchmark", "metric", "value", "source"), cells


def _value(figure: Figure) -> str:
    if figure.value is None:
        return figure.note
    if figure.unit == "verdict":
        return "right" if figure.value else "wrong"
    bound = {"exact": "", "about": "about ", "at_least": "at least ", "at_most": "at most "}
    unit = "%" if figure.unit == "percent" else f" {figure.unit}"
    return f"{bound[figure.bound]}{figure.value:g}{unit}"
