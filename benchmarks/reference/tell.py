"""What a comparison says: a table and sentences in the terminal, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.reference.band import LEVEL, WINDOW, Stretch
from benchmarks.reference.compare import Comparison, Course, End
from benchmarks.reference.format import Reference
from benchmarks.report.html.lines import told_value
from benchmarks.report.terminal import console

LABELS = {
    "request_rate_need": "asks when needed",
    "request_rate_no_need": "asks when not",
    "resize_call_ratio": "asks in all",
    "accuracy": "accuracy",
    "visual_tokens/share_of_full": "visual tokens",
    "reward": "reward",
    "accuracy_given_request": "accuracy given a request",
    "regret_to_start_oracle": "regret",
}
"""Metrics as they are called here."""
PLAIN = ("reward", "regret_to_start_oracle")
"""Metrics that are no shares."""


def number(metric: str, value: float | None) -> str:
    """A value as it is shown."""
    if value is None:
        return "–"
    return f"{value:.3f}" if metric in PLAIN else f"{value:.1%}"


def interval(metric: str, low: float | None, high: float | None) -> str:
    """A band as it is shown; shares end at 0 and 100%."""
    if low is None or high is None:
        return "–"
    if metric not in PLAIN:
        low = max(low, 0.0)
        high = high if metric == "visual_tokens/share_of_full" else min(high, 1.0)
    return f"{number(metric, low)} … {number(metric, high)}"


def as_json(found: Comparison, picture: Path) -> str:
    """The comparison as JSON."""
    return json.dumps({**asdict(found), "picture": str(picture)}, indent=1)


def show(found: Comparison, picture: Path) -> None:
    """Prints the comparison."""
    seeds = ", ".join(map(str, found.seeds))
    say(f"{found.run} beside {found.reference} (seeds {seeds}; {found.command})")
    for line in settings_lines(found):
        say(line)
    under_way = "" if found.ends else ", under way: no final evaluation yet"
    say(f"{found.iterations} of {found.of} iterations{under_way}.")
    console.print(courses_table(found.courses))
    if found.ends:
        console.print(ends_table(found.ends))
    say(verdict(found))
    say(f"Picture: {picture}")


def say(line: str) -> None:
    """Prints a line as it is."""
    console.print(line, markup=False, soft_wrap=True)


def settings_lines(found: Comparison) -> list[str]:
    """Says whether settings are the same, and which are not."""
    if not found.differs:
        return ["Its settings are those of the reference."]
    told = (
        f"  {item.path}: {told_value(item.run)}; {told_value(item.reference)} in the reference"
        for item in found.differs
    )
    return ["Not like with like: settings differ.", *told]


def courses_table(courses: Sequence[Course]) -> Table:
    """Metrics of training."""
    title = f"Training, means over {WINDOW} iterations"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for label in ("metric", "at last", "band there", "outside", "leaves the band"):
        table.add_column(label, justify="right" if label in ("at last", "outside") else "left")
    for course in courses:
        name = course.metric
        table.add_row(
            LABELS[name],
            number(name, course.last),
            interval(name, course.low, course.high),
            f"{course.outside} of {course.compared}",
            "; ".join(map(told_stretch, course.leaves)) or "no",
        )
    return table


def told_stretch(stretch: Stretch) -> str:
    """From which iteration to which a run is outside."""
    side = "above" if stretch.above else "below"
    return f"{side} in {stretch.first}–{stretch.first + stretch.count - 1}"


def ends_table(found: Sequence[End]) -> Table:
    """Values of the final evaluation."""
    table = Table(title="Final evaluation", title_justify="left", box=SIMPLE_HEAD)
    for label in ("metric", "run", "mean of the seeds", "band", ""):
        table.add_column(label, justify="right" if "run" in label or "mean" in label else "left")
    for end in found:
        side = "" if end.inside else "above" if end.value > end.high else "below"
        numbers = (number(end.metric, value) for value in (end.value, end.mean))
        table.add_row(LABELS[end.metric], *numbers, interval(end.metric, end.low, end.high), side)
    return table


def verdict(found: Comparison) -> str:
    """The sentence at the end."""
    if found.inside:
        return f"In the band of {found.reference}."
    left = [(course.leaves[0].first, course.metric) for course in found.courses if course.leaves]
    ends = [LABELS[end.metric] for end in found.ends if not end.inside]
    parts = []
    if left:
        first, metric = min(left)
        parts.append(f"leaves it from iteration {first} on, first with {LABELS[metric]!r}")
    if ends:
        parts.append(f"ends outside in {', '.join(ends)}")
    return f"Outside the band of {found.reference}: {'; '.join(parts)}."


def list_references(references: Sequence[Reference]) -> None:
    """Lists references."""
    table = Table(box=SIMPLE_HEAD)
    for label in ("reference", "seeds", "made", "command"):
        table.add_column(label, no_wrap=label == "reference")
    for each in references:
        seeds = ",".join(map(str, each.seeds))
        table.add_row(each.name, seeds, each.made.date, each.command)
    console.print(table)
    say(f"visionthink compare RUN --with NAME; the band is where {LEVEL:.0%} of runs are.")
