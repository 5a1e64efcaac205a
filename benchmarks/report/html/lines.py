"""Runs that differ in nothing but their seed, as one line with a band; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.report.html.runs import SEED, Run

SMOOTH_FROM = 20
"""Iterations from which on curves are smoothed: by a moving mean over a tenth as many."""


@dataclass(frozen=True)
class Line:
    """The seeds of one setting.

    Attributes:
        label: What sets it apart from the others.
        runs: One a seed.
    """

    label: str
    runs: tuple[Run, ...]

    @property
    def keys(self) -> list[str]:
        """Names of all metrics, in order."""
        return sorted({key for run in self.runs for row in run.rows for key in row})

    @property
    def iterations(self) -> int:
        """The last iteration of any seed."""
        return max((int(row["iteration"]) for run in self.runs for row in run.rows), default=0)


@dataclass(frozen=True)
class Curve:
    """A metric over iterations.

    Attributes:
        x: Iterations.
        mean: Mean over the seeds that have it there.
        low: Lowest of them.
        high: Highest of them.
    """

    x: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def as_lines(runs: Sequence[Run]) -> list[Line]:
    """Puts the seeds of each setting together, in the order of the first of them."""
    groups: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in runs:
        told = {path: repr(value) for path, value in run.settings.items() if path != SEED}
        groups.setdefault(tuple(sorted(told.items())), []).append(run)
    points = [_point(mine) for mine in groups.values()]
    if all(points) and len(set(points)) == len(points):
        pairs = zip(points, groups.values(), strict=True)
        return [Line(point, tuple(mine)) for point, mine in pairs]
    paths = differing([mine[0] for mine in groups.values()])
    return [Line(_label(mine, paths), tuple(mine)) for mine in groups.values()]


def _point(runs: Sequence[Run]) -> str:
    """The point of a sweep whose trials all of these are, called ``point/seed``; else nothing."""
    names = {run.name.removesuffix(f"/{run.seed}") for run in runs}
    trials = all(run.name.endswith(f"/{run.seed}") for run in runs)
    return names.pop() if trials and len(names) == 1 else ""


def differing(runs: Sequence[Run]) -> list[str]:
    """Paths of the settings, beside the seed, in which runs differ."""
    paths = sorted({path for run in runs for path in run.settings if path != SEED})
    return [p for p in paths if len({repr(run.settings.get(p)) for run in runs}) > 1]


def _label(runs: Sequence[Run], paths: Sequence[str]) -> str:
    if not paths:
        return runs[0].name if len(runs) == 1 else f"{len(runs)} seeds"
    ends = [path.rpartition(".")[2] for path in paths]
    names = [end if ends.count(end) == 1 else path for path, end in zip(paths, ends, strict=True)]
    told = zip(names, paths, strict=True)
    return ", ".join(f"{name} {told_value(runs[0].settings.get(path))}" for name, path in told)


def told_value(value: Any) -> str:
    """A setting's value in a word."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def curve(runs: Sequence[Run], key: str) -> Curve | None:
    """A metric of some seeds; None where none has it."""
    at: dict[int, list[float]] = {}
    for run in runs:
        rows = [row for row in run.rows if isinstance(row.get(key), int | float)]
        smooth = moving_mean([float(row[key]) for row in rows])
        for row, value in zip(rows, smooth, strict=True):
            at.setdefault(int(row["iteration"]), []).append(value)
    if not at:
        return None
    x = sorted(at)
    parts = (tuple(float(how(at[i])) for i in x) for how in (np.mean, np.min, np.max))
    return Curve(tuple(x), *parts)


def moving_mean(values: Sequence[float]) -> list[float]:
    """The values, of `SMOOTH_FROM` or more each the mean of a tenth of them around it."""
    if len(values) < SMOOTH_FROM:
        return list(values)
    window = np.ones(max(1, len(values) // 10))
    over = np.convolve(np.ones(len(values)), window, "same")
    return [float(v) for v in np.convolve(values, window, "same") / over]


def last_mean(runs: Sequence[Run], key: str, count: int = 5) -> float | None:
    """Mean of a metric over the last rows of each seed that have it; None where none has."""
    found = [
        float(row[key]) for run in runs for row in [row for row in run.rows if key in row][-count:]
    ]
    return float(np.mean(found)) if found else None
