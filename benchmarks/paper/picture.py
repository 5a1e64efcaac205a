"""The picture of table 2: accuracy against retained tokens, and the paper's own beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material
from benchmarks.paper.plane import RANDOM, rows_of, start_ends
from benchmarks.paper.requests import TOKENS
from benchmarks.paper.router import KINDS, curve, reported
from benchmarks.published import published
from benchmarks.safety.disk import drafted

COLOURS = {"mean": "#3366cc", "least": "#2a9d6f"}
OURS = "#c2185b"
PLACES = {"vanilla": (6, -12), "down-sampled": (8, -4), "always asks": (-4, 8),
          "the start's oracle": (-8, 8), "ours": (7, -13), RANDOM: (8, -12)}  # fmt: skip
"""Where a name stands beside its mark, in points."""


def draw(made: Material, path: Path) -> None:
    """Draws ours on the left, and on the right, on axes of their own, the paper's.

    Args:
        made: What table 2 is made of.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (ours, theirs) = pyplot.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    _ours(ours, made)
    _theirs(theirs)
    with drafted(path) as draft:
        figure.savefig(draft, dpi=130, format="png")
    pyplot.close(figure)


def _ours(axis: Any, made: Material) -> None:
    """Marks of the table, a line of asking by chance, and a curve of each router."""
    places = {name: (right, tokens) for name, right, tokens in rows_of(made)}
    samples = reported(made.measured)
    for kind, name in KINDS.items() if samples else ():
        rights, spent = zip(*curve(samples, kind), strict=True)
        axis.plot(spent, rights, color=COLOURS[kind], linewidth=1.2, label=f"router, {name}")
        right, at = places[f"router, {name}"]
        axis.plot(at, right, "s", color=COLOURS[kind], markersize=5)
    rights, spent = zip(*start_ends(made), strict=True)
    axis.plot(spent, rights, "--", color="#888888", linewidth=1, label="asking by chance")
    for row in made.summaries(POINT):
        axis.plot(row[TOKENS], row["accuracy"], "o", color=OURS, alpha=0.35, markersize=4)
    for name, (right, tokens) in places.items():
        if name.startswith("router"):
            continue
        axis.plot(tokens, right, "o", color=OURS if name == "ours" else "#444444", markersize=5)
        axis.annotate(name, (tokens, right), PLACES[name], textcoords="offset points", fontsize=8,
                      ha="right" if PLACES[name][0] < 0 else "left",
                      color=OURS if name == "ours" else "#444444")  # fmt: skip
    axis.set(title="Embedded world", xlabel="visual tokens, in full passes", ylabel="accuracy")
    axis.margins(x=0.12, y=0.12)
    axis.legend(fontsize=8, loc="lower right", frameon=False)


def _theirs(axis: Any) -> None:
    """Mean share of vanilla's over the paper's benchmarks, by method."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for figure in published("visionthink-table2"):
        if figure.benchmark == "all" and figure.value is not None:
            found.setdefault((figure.method, figure.setting), {})[figure.metric] = figure.value
    for (method, _), values in found.items():
        own = method == "VisionThink"
        place = (values["retained_tokens"], values["share_of_vanilla"])
        axis.plot(*place, "o", color=OURS if own else "#444444", markersize=5)
        axis.annotate(method, place, (6, -3), textcoords="offset points", fontsize=8,
                      color=OURS if own else "#444444")  # fmt: skip
    axis.set(
        title="The paper's (Qwen2.5-VL-7B)",
        xlabel="visual tokens, % of vanilla",
        ylabel="of vanilla's accuracy, mean of nine, %",
    )
    axis.margins(x=0.2, y=0.1)
