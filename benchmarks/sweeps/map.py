"""The map of a sweep over two things at once: where the policy of each point ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.safety.disk import drafted
from benchmarks.sweeps.catalogue.definitions import Sweep
from benchmarks.sweeps.ends import ALWAYS, BETWEEN, NEED, NEVER, NO_NEED, RIGHT
from benchmarks.sweeps.results import PointResult

COLOURS = {RIGHT: "#8fce9b", ALWAYS: "#f0b46a", NEVER: "#8fb0ea", BETWEEN: "#d8d8d8"}
TOLD = {
    RIGHT: "right: asks where needed, and nowhere else",
    ALWAYS: "always asks",
    NEVER: "never asks",
    BETWEEN: "in between, or not the same in all seeds",
}


def has_map(sweep: Sweep) -> bool:
    """Whether all points of a sweep have a place on a map."""
    return all(point.place is not None for point in sweep.points)


def region(point: PointResult) -> str:
    """Where a point is coloured: the end of all of its seeds, or ``"between"``."""
    ends = set(point.ends)
    return point.ends[0] if len(ends) == 1 else BETWEEN


def label(point: PointResult) -> str:
    """What stands in a cell: ends, request rates, and the iteration from which on it held.

    That is the median of the seeds in which it did at temperature 1, as in training.
    """
    counts = Counter(point.ends).most_common()
    seeds = len(point.seeds)
    ends = counts[0][0] if len(counts) == 1 else ", ".join(f"{n}/{seeds} {e}" for e, n in counts)
    rates = " / ".join(_rate(point, name) for name in (NEED, NO_NEED))
    if region(point) == BETWEEN:  # which is no place to have come to
        return f"{ends}\n{rates}"
    since = sorted(found for found in point.settled if found is not None)
    when = f"from iteration {since[len(since) // 2]}" if since else "greedily only"
    return f"{ends}\n{rates}\n{when}"


def _rate(point: PointResult, name: str) -> str:
    value = point.metrics.get(name)
    return "–" if value is None else f"{value.mean:.0%}"


def draw_map(sweep: Sweep, found: Sequence[PointResult], path: Path) -> None:
    """Draws the map of a sweep whose points all have a place.

    Args:
        sweep: What was compared.
        found: Points that are done; the cells of others stay empty.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch, Rectangle

    places = {point.name: point.place for point in sweep.points if point.place is not None}
    rows = list(dict.fromkeys(row for row, _ in places.values()))
    columns = list(dict.fromkeys(column for _, column in places.values()))
    figure, axis = pyplot.subplots(
        figsize=(1.6 + 1.75 * len(columns), 1.9 + 0.8 * len(rows)), layout="constrained"
    )
    for point in found:
        row, column = places[point.point]
        left, top = columns.index(column), rows.index(row)
        colour = COLOURS[region(point)]
        axis.add_patch(Rectangle((left, top), 1, 1, facecolor=colour, edgecolor="white", lw=3))
        axis.text(left + 0.5, top + 0.5, label(point), ha="center", va="center", fontsize=8)
    _frame(axis, rows, columns)
    keys = [Patch(facecolor=COLOURS[end], label=told) for end, told in TOLD.items()]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(f"{sweep.question}\nRequests on need / on no need", fontsize=9, wrap=True)
    with drafted(path) as draft:
        figure.savefig(draft, dpi=130, format="png")
    pyplot.close(figure)


def _frame(axis: Any, rows: Sequence[str], columns: Sequence[str]) -> None:
    axis.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axis.set_xticks([place + 0.5 for place in range(len(columns))], columns)
    axis.set_yticks([place + 0.5 for place in range(len(rows))], rows)
    axis.tick_params(length=0, labelsize=9)
    axis.xaxis.tick_top()
    for side in axis.spines.values():
        side.set_visible(False)
