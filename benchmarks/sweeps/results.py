"""What a sweep came to: each point over its seeds, and each beside the first one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.evaluation.intervals import Difference, paired_difference
from benchmarks.report.terminal import console
from benchmarks.safety.disk import write_json
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial
from benchmarks.sweeps.ends import NEED, NO_NEED, end_of, settled
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.statistics import (
    ENOUGH,
    Aggregate,
    aggregate,
    probability_of_improvement,
)
from benchmarks.sweeps.table import varied_values
from benchmarks.sweeps.trial import start_key
from benchmarks.sweeps.yardstick import StartOracle, read_records, returns, start_oracle
from vt_env.settings.tree import to_json

COMMON, COMMON_REGRET = "common_reward", "common_regret"
METRICS = (
    NEED,
    NO_NEED,
    "accuracy",
    "visual_tokens/share_of_full",
    COMMON,
    COMMON_REGRET,
    "reward",
    "regret_to_start_oracle",
)
"""Of the final evaluation. The common reward is the default one, whatever a trial was trained for;
``reward`` and the regret to the start oracle are under a trial's own."""
SHOWN = (
    (NEED, "need", True),
    (NO_NEED, "no need", True),
    ("accuracy", "accuracy", True),
    ("visual_tokens/share_of_full", "tokens", True),
    (COMMON_REGRET, "regret", False),
)
"""Metrics of the printed table, their labels, and whether they are shares. *Need* and *no need* are
requests where they are needed and where not; regret is that under the common reward."""


@dataclass(frozen=True)
class PointResult:
    """A point over its seeds.

    Attributes:
        point: Its name.
        seeds: Those that are done.
        varied: The settings that set it apart.
        metrics: Metrics of the final evaluation over the seeds, by name.
        oracle_requests: Share of samples that the oracle asks about, under the common reward.
        versus: Common reward less that of the sweep's first point, sample by sample; None of the
            first, and where samples differ.
        improves: Probability that a seed of it has more common reward than one of the first.
        ends: Where each seed's policy ends; see `benchmarks.sweeps.ends`.
        settled: From which iteration on it was there in training, by seed; None: at no time.
    """

    point: str
    seeds: tuple[int, ...]
    varied: dict[str, Any]
    metrics: dict[str, Aggregate]
    oracle_requests: float
    versus: Difference | None
    improves: float | None
    ends: tuple[str, ...]
    settled: tuple[int | None, ...]


@dataclass(frozen=True)
class _Played:
    """What the trials of a point played at the end.

    Attributes:
        returns: Under the common reward, (seeds, samples).
        samples: Their ids, in order.
        data: Settings that say what those ids stand for.
    """

    returns: np.ndarray
    samples: tuple[str, ...]
    data: tuple[Any, ...]

    def alike(self, other: _Played) -> bool:
        """Whether both played the same samples."""
        return (self.samples, self.data) == (other.samples, other.data)


def results(sweep: Sweep, planned: Sequence[Trial], folder: SweepFolder) -> list[PointResult]:
    """Every point that has a trial that is done, in the sweep's order."""
    done = [trial for trial in planned if folder.is_done(trial)]
    found: list[PointResult] = []
    first: _Played | None = None
    for point in sweep.points:
        mine = [trial for trial in done if trial.point == point.name]
        if not mine:
            continue
        played = _played(mine, folder)
        found.append(_point(sweep, mine, folder, played, first))
        first = first or played
    return found


def _played(mine: Sequence[Trial], folder: SweepFolder) -> _Played:
    episodes = [read_records(folder.trial(trial).path / "episodes.jsonl") for trial in mine]
    samples = tuple(str(record["sample_id"]) for record in episodes[0])
    settings = mine[0].settings
    data = (settings.data, settings.world, settings.evaluation.data, settings.evaluation.split)
    return _Played(np.stack([returns(records) for records in episodes]), samples, data)


def _point(
    sweep: Sweep,
    mine: Sequence[Trial],
    folder: SweepFolder,
    played: _Played,
    first: _Played | None,
) -> PointResult:
    oracles = _oracles(mine, folder)
    best = np.array([np.nanmean(oracle.returns) for oracle in oracles])  # (seeds,)
    common = np.nanmean(played.returns, axis=1)  # (seeds,)
    by_name: dict[str, list[float]] = {
        COMMON: common.tolist(),
        COMMON_REGRET: (best - common).tolist(),
    }
    summaries = [folder.summary(trial) for trial in mine]
    ends = tuple(end_of(summary) for summary in summaries)
    courses = [folder.trial(trial).metrics() for trial in mine]
    for name in METRICS:
        values = [summary.get(name) for summary in summaries]
        known = [float(value) for value in values if value is not None]
        if len(known) == len(mine):
            by_name[name] = known
    versus = improves = None
    if first is not None and first.alike(played):
        versus = paired_difference(
            np.nanmean(played.returns, axis=0), np.nanmean(first.returns, axis=0)
        )
        improves = probability_of_improvement(
            common.tolist(), np.nanmean(first.returns, axis=1).tolist()
        )
    return PointResult(
        point=mine[0].point,
        seeds=tuple(trial.seed for trial in mine),
        varied=varied_values(sweep, mine[0]),
        metrics={name: aggregate(by_name[name]) for name in METRICS if name in by_name},
        oracle_requests=float(np.mean([oracle.requests for oracle in oracles])),
        versus=versus,
        improves=improves,
        ends=ends,
        settled=tuple(settled(rows, end) for rows, end in zip(courses, ends, strict=True)),
    )


def _oracles(mine: Sequence[Trial], folder: SweepFolder) -> list[StartOracle]:
    """The oracle of the model that each trial began with; most begin with the same."""
    keys = [start_key(to_json(trial.settings)) for trial in mine]
    known = {
        key: start_oracle(*(read_records(file) for file in folder.start_files(key)))
        for key in dict.fromkeys(keys)
    }
    return [known[key] for key in keys]


def write_results(sweep: Sweep, found: Sequence[PointResult], path: Path) -> None:
    """Writes ``results.json``, whole or not at all."""
    told = {
        "sweep": sweep.name,
        "question": sweep.question,
        "intervals": "95%, percentile bootstrap over seeds; of versus over samples",
        "points": [asdict(point) for point in found],
    }
    write_json(path, told)


def show_results(sweep: Sweep, found: Sequence[PointResult]) -> None:
    """Prints a row a point: means over seeds with their intervals."""
    table = Table(title=sweep.question, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("point", overflow="fold")  # the one that gives way: no figure is cut
    table.add_column("seeds", no_wrap=True)
    for _, label, _ in SHOWN:
        table.add_column(label, justify="right", no_wrap=True)
    for point in found:
        cells = [_cell(point.metrics.get(name), percent) for name, _, percent in SHOWN]
        table.add_row(point.point, _ends(point.ends), *cells)
    console.print(table)
    base = found[0].point if found else ""
    for point in found[1:]:
        if point.versus is not None:
            gap = point.versus
            console.print(
                f"{point.point} beside {base} on the same {gap.samples} samples: common reward "
                f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}], probability of improvement "
                f"{point.improves:.2f}",
                markup=False,
                soft_wrap=True,
            )
    if any(len(point.seeds) < ENOUGH for point in found):
        console.print(
            f"Fewer than {ENOUGH} seeds say nothing of how far a result hangs on the seed; such "
            "rows have no interval (--seeds 3).",
            soft_wrap=True,
        )


def _ends(ends: Sequence[str]) -> str:
    """How many seeds end where, the most of them first."""
    return "\n".join(f"{count} {end}" for end, count in Counter(ends).most_common())


def _cell(value: Aggregate | None, percent: bool) -> str:
    """The mean, and on a line of its own the interval."""
    if value is None:
        return "–"
    mean = f"{value.mean:.1%}" if percent else f"{value.mean:.3f}"
    if value.low is None or value.high is None:
        return mean
    low, high = (100 * value.low, 100 * value.high) if percent else (value.low, value.high)
    digits = 0 if percent else 2
    return f"{mean}\n{low:.{digits}f}…{high:.{digits}f}" + "%" * percent
