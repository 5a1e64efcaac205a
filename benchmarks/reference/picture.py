"""The picture of a comparison: the band of the reference, its mean, and the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reference.band import WINDOW, band, departures, outside, smooth
from benchmarks.reference.compare import PROMPTS, Comparison
from benchmarks.reference.format import CURVES, Reference
from benchmarks.reference.make import curve
from benchmarks.reference.tell import LABELS, PLAIN, verdict
from benchmarks.report.html.runs import Run
from benchmarks.safety.disk import drafted
from vt_env import ConfigError

BAND, MEAN, RUN, OUT = "#c9d6ee", "#5b76ad", "#222222", "#d03b3b"
TOKENS = "visual_tokens/share_of_full"


def draw(run: Run, reference: Reference, found: Comparison, path: Path) -> None:
    """Draws a panel a metric of training.

    Args:
        run: The run.
        reference: What it is compared with.
        found: What came of it.
        path: PNG to write.

    Raises:
        ConfigError: If it cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(12, 6.4), layout="constrained")
    for axis, name in zip(axes.flat, CURVES, strict=True):
        _panel(axis, run, reference, name)
    lines, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(f"{Path(found.run).name}: {verdict(found)}", fontsize=10, wrap=True)
    try:
        with drafted(path) as draft:
            figure.savefig(draft, dpi=110, format="png")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error}); choose another --out.") from error
    finally:
        pyplot.close(figure)


def _panel(axis: Any, run: Run, reference: Reference, name: str) -> None:
    seeds = list(reference.curves[name].values())
    made, mine = band(seeds, int(reference.settings.get(PROMPTS, 1))), smooth(curve(run, name))
    x = np.arange(1, len(made.mean) + 1)
    where = f"where {len(seeds)} seeds and one run more are"
    axis.fill_between(x, made.low, made.high, color=BAND, linewidth=0, label=where)
    axis.plot(x, made.mean, "--", color=MEAN, linewidth=1.4, label="mean of the seeds")
    axis.plot(np.arange(1, len(mine) + 1), mine, color=RUN, linewidth=1.6, label="the run")
    out = np.full(len(mine), np.nan)
    for stretch in departures(outside(mine, made)):
        part = slice(stretch.first - 1, stretch.first - 1 + stretch.count)
        out[part] = mine[part]
    axis.plot(np.arange(1, len(mine) + 1), out, color=OUT, linewidth=2.6, label="outside")
    axis.set(title=LABELS[name], xlabel=f"iteration (means over {WINDOW})")
    if name not in (*PLAIN, TOKENS):
        axis.set_ylim(-0.03, 1.03)
    axis.grid(alpha=0.25)
