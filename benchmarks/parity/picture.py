"""Request rates of several trainers on held-out samples, by iterations and by seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.parity.points import NEED, NO_NEED, Point, reached
from benchmarks.safety.disk import drafted

COLOURS = ("#3366cc", "#dc7a1e", "#2f9e57")


def draw(trainings: Mapping[str, Sequence[Point]], path: Path) -> None:
    """Draws a curve a trainer and kind of sample, on an axis of iterations and one of seconds.

    Args:
        trainings: Points by the trainer's name.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
    for axis, unit in zip(axes, ("iteration", "seconds"), strict=True):
        for (name, points), colour in zip(trainings.items(), COLOURS, strict=False):
            x = [getattr(point, unit) for point in points]
            for kind, style, said in (("need", "-", "need"), ("no_need", "--", "no need")):
                y = [getattr(point, kind) for point in points]
                axis.plot(x, y, style, marker=".", color=colour, label=f"{name}, {said}")
            bar = reached(points)
            if bar is not None:
                axis.axvline(getattr(bar, unit), color=colour, linewidth=1, alpha=0.4)
        for height in (NEED, NO_NEED):
            axis.axhline(height, color="#888888", linewidth=1, linestyle=":")
        axis.set(xlabel=unit if unit == "seconds" else "iterations", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("share of held-out samples asked about")
    axes[0].legend(fontsize=8, frameon=False)
    with drafted(path) as draft:
        figure.savefig(draft, dpi=110, format="png")
    pyplot.close(figure)
