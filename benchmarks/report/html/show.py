"""``visionthink show``: what a report says, in a terminal."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.report.html.lines import Line, as_lines, curve, differing, told_value
from benchmarks.report.html.runs import Run, find_runs
from benchmarks.report.terminal import console, family_table, metrics_table

LEVELS = "▁▂▃▄▅▆▇█"
SPARKS = (
    ("asks, needed", "request_rate_need", True),
    ("asks, not needed", "request_rate_no_need", True),
    ("accuracy", "accuracy", True),
    ("tokens", "visual_tokens/share_of_full", False),
    ("reward", "reward", False),
    ("held-out regret", "eval/regret_to_start_oracle", False),
)
"""Name, metric, and whether it is a share, drawn from 0 to 1."""
WIDE = 32
"""Characters of a curve at most."""


def show(places: Sequence[Path]) -> None:
    """Prints the summary of runs.

    Args:
        places: Run folders, or folders with run folders below them.

    Raises:
        ConfigError: If there is no run, or a file of one cannot be read.
    """
    runs = find_runs(places)
    lines = as_lines(runs)
    done = {run.name: run.summary for run in runs if run.summary is not None}
    if len(done) == 1 == len(runs):
        ((name, summary),) = done.items()
        rows = {"trained": summary, **summary["baselines"]}
        console.print(metrics_table(rows, f"{name}: {summary['episodes']} held-out samples"))
        console.print(family_table(summary["by_family"]))
    elif done:
        console.print(metrics_table(done, "Held-out samples"))
    for line in lines:
        console.print(_title(line), markup=False, soft_wrap=True)
        console.print(_curves(line))
    if len(lines) > 1:
        console.print(_differ(lines))
    for run in runs:
        _print_run(run)


def spark(values: Sequence[float], share: bool = False) -> str:
    """A curve as a row of characters: of shares from 0 to 1, else from the lowest to the highest.

    Args:
        values: At least one; more than `WIDE` are put together by their means.
        share: Whether they are shares.
    """
    count = min(WIDE, len(values))
    edges = [round(n * len(values) / count) for n in range(count + 1)]
    parts = [values[a:b] for a, b in itertools.pairwise(edges)]
    means = [sum(part) / len(part) for part in parts]
    low, high = (0.0, 1.0) if share else (min(means), max(means))
    top = len(LEVELS) - 1
    if high <= low:
        return LEVELS[0] * count
    return "".join(LEVELS[min(top, max(0, round(top * (m - low) / (high - low))))] for m in means)


def _title(line: Line) -> str:
    mean = f", mean of {len(line.runs)} seeds" if len(line.runs) > 1 else ""
    return f"{line.label}: training, {line.iterations} iterations{mean}"


def _curves(line: Line) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for label in ("", "first", "", "last"):
        table.add_column(label, justify="right" if label else "left", no_wrap=True)
    for name, key, share in SPARKS:
        found = curve(line.runs, key)
        if found is not None:
            first, last = (f"{value:.3f}" for value in (found.mean[0], found.mean[-1]))
            table.add_row(name, first, spark(found.mean, share), last)
    return table


def _differ(lines: Sequence[Line]) -> Table:
    firsts = [line.runs[0] for line in lines]
    table = Table(title="Settings that differ", title_justify="left", box=SIMPLE_HEAD)
    for label in ("setting", *(line.label for line in lines)):
        table.add_column(label)
    for path in differing(firsts):
        table.add_row(path, *(told_value(run.settings.get(path)) for run in firsts))
    return table


def _print_run(run: Run) -> None:
    """Findings, version and command of a run."""
    for finding in run.findings:
        told = f"iteration {finding['iteration']}: {finding['severity']}: {finding['name']}: "
        told += f"{finding['evidence']} {finding['advice']}"
        console.print(f"{run.name}: {told}", markup=False, soft_wrap=True)
    for start in run.starts[:1]:
        words = shlex.join(map(str, start.get("command", ())))
        commit = str(start.get("commit") or "no commit")[:12]
        made = f"{run.name}: visionthink {start.get('visionthink')} ({commit}): {words}"
        console.print(made, markup=False, soft_wrap=True)
