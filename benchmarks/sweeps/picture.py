"""The picture of a sweep: how often each point asks at last, and on the way there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.safety.disk import drafted
from benchmarks.sweeps.catalogue.definitions import Sweep
from benchmarks.sweeps.ends import NEED, NO_NEED
from benchmarks.sweeps.results import PointResult

if TYPE_CHECKING:
    import pandas

COLOURS = {NEED: "#3366cc", NO_NEED: "#dc7a1e"}
LABELS = {NEED: "where needed", NO_NEED: "where not needed"}


def draw(sweep: Sweep, found: Sequence[PointResult], table: pandas.DataFrame, path: Path) -> None:
    """Draws a row a point: the curve of its requests, and where they end.

    Args:
        sweep: What was compared.
        found: What it came to.
        table: The tidy table.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure, axes = pyplot.subplots(
        rows + 1, columns, figsize=(2.6 * columns + 1.2, 2.1 * rows + 2.8), squeeze=False,
        gridspec_kw={"height_ratios": [1.0] * rows + [1.5]}, layout="constrained",
    )  # fmt: skip
    for place in range(rows * columns):
        axis = axes[place // columns][place % columns]
        if place >= len(found):
            axis.set_axis_off()
            continue
        _curves(axis, table[table["point"] == found[place].point], found[place].point)
    for axis in axes[rows]:
        axis.remove()
    _ends(figure.add_subplot(axes[rows][0].get_gridspec()[rows, :]), found)
    figure.suptitle(sweep.question, fontsize=10, wrap=True)
    with drafted(path) as draft:
        figure.savefig(draft, dpi=130, format="png")
    pyplot.close(figure)


def _curves(axis: Any, rows: pandas.DataFrame, title: str) -> None:
    """Request rates by iteration: the mean over seeds, and the range of the seeds."""
    for name, colour in COLOURS.items():
        if name not in rows:
            continue
        by_iteration = rows.groupby("iteration")[name]
        mean = by_iteration.mean()
        axis.fill_between(mean.index, by_iteration.min(), by_iteration.max(), color=colour,
                          alpha=0.2, linewidth=0)  # fmt: skip
        axis.plot(mean.index, mean, color=colour, label=LABELS[name])
    axis.set(title=title, ylim=(-0.02, 1.02), xlabel="iteration")
    axis.title.set_fontsize(9)
    axis.tick_params(labelsize=7)
    axis.xaxis.label.set_fontsize(7)


def _ends(axis: Any, found: Sequence[PointResult]) -> None:
    """Request rates of the final evaluation with their intervals, and the oracle's rate."""
    for shift, (name, colour) in zip((-0.12, 0.12), COLOURS.items(), strict=True):
        for place, point in enumerate(found):
            value = point.metrics.get(name)
            if value is None:
                continue
            axis.plot(place + shift, value.mean, "o", color=colour,
                      label=LABELS[name] if place == 0 else None)  # fmt: skip
            if value.low is not None:
                axis.plot([place + shift] * 2, [value.low, value.high], color=colour, linewidth=2)
    for place, point in enumerate(found):
        rate = point.oracle_requests
        axis.plot([place - 0.3, place + 0.3], [rate, rate], color="#777777", linestyle="--",
                  label="of all samples, the oracle" if place == 0 else None)  # fmt: skip
    names = [point.point for point in found]
    axis.set_xticks(range(len(names)), names, rotation=25 if len(names) > 6 else 0, fontsize=8)
    axis.set(ylim=(-0.02, 1.05), ylabel="share asked about")
    axis.legend(fontsize=7, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.16), frameon=False)
