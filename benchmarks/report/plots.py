"""The picture of a run: request rate and accuracy by family over training, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLORS = ("#3366cc", "#dc7a1e", "#2f9e57", "#a03ca0", "#8c6d31", "#d03b5b", "#4d4d4d")
LABELS = {"oracle": ((0, -16), "center"), "untrained": ((0, -16), "center"),
          "start_oracle": ((-9, 0), "right")}  # fmt: skip
"""Where names stand that are not above their points, so that those near each other can be read."""
HELD_OUT = (
    ("request_rate_need", "asks when needed"),
    ("request_rate_no_need", "asks when not"),
    ("accuracy", "right"),
)
"""Curves of the held-out slice."""
SMOOTHING = 7
"""Iterations averaged in the curves."""


def plot_run(
    rows: Sequence[Mapping[str, float]], summary: Mapping[str, Any] | None, path: Path
) -> None:
    """Draws a run.

    Args:
        rows: Logged metrics, one mapping an iteration.
        summary: The final evaluation; None for a run that was stopped before it.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(14, 4.5), layout="constrained")
    families = sorted(
        {key.split("/")[1] for row in rows for key in row if key.startswith("by_family/")}
    )
    if families:
        _by_family(axes, rows, families)
        lines, labels = axes[0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    else:
        _by_loss(axes, rows)
    if summary is not None:
        _trade_off(axes[2], summary)
    else:
        axes[2].set_axis_off()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _by_family(axes: Any, rows: Sequence[Mapping[str, float]], families: Sequence[str]) -> None:
    """What was played in training."""
    for axis, name, title in (
        (axes[0], "resize_call_ratio", "Asks for the sharper image"),
        (axes[1], "accuracy", "Answers correctly"),
    ):
        for family, color in zip(families, COLORS, strict=False):
            _curve(axis, rows, f"by_family/{family}/{name}", family, color)
        axis.set(title=title, xlabel="GRPO iteration", ylim=(-0.02, 1.02))
        axis.set_ylabel("share of training episodes")
    for name, label, style in (
        ("request_rate_need", "samples that need it", "--"),
        ("request_rate_no_need", "samples that do not", ":"),
    ):
        _curve(axes[0], rows, name, label, "#222222", style)


def _by_loss(axes: Any, rows: Sequence[Mapping[str, float]]) -> None:
    """Of a training that plays nothing: its loss, and the held-out slice where there is one."""
    _curve(axes[0], rows, "loss", "loss", COLORS[0])
    axes[0].set(title="Loss", xlabel="iteration", ylabel="nats a token")
    axes[0].set_ylim(bottom=0)
    for (name, label), color in zip(HELD_OUT, COLORS[1:], strict=False):
        _curve(axes[1], rows, f"eval/{name}", label, color, smoothing=1)
    axes[1].set(title="Held-out slice", xlabel="iteration", ylabel="share", ylim=(-0.02, 1.02))
    if axes[1].get_legend_handles_labels()[0]:
        axes[1].legend(frameon=False)
    else:
        axes[1].set_axis_off()


def _curve(
    axis: Any,
    rows: Sequence[Mapping[str, float]],
    key: str,
    label: str,
    color: str,
    style: str = "-",
    smoothing: int = SMOOTHING,
) -> None:
    points = [(row["iteration"], row[key]) for row in rows if key in row]
    if not points:
        return
    x, y = np.array(points, dtype=float).T
    width = min(smoothing, len(y))
    window = np.ones(width)
    smooth = np.convolve(y, window, "same") / np.convolve(np.ones_like(y), window, "same")
    axis.plot(x, smooth, style, color=color, label=label, linewidth=1.8)


def _trade_off(axis: Any, summary: Mapping[str, Any]) -> None:
    points = {"trained": summary, **summary["baselines"]}
    for (name, point), color in zip(points.items(), COLORS, strict=False):
        if point["accuracy"] is None:
            continue
        x, y = point["visual_tokens/share_of_full"], point["accuracy"]
        star = name == "trained"
        size, marker = (170, "*") if star else (60, "o")
        axis.scatter([x], [y], s=size, marker=marker, color=color, zorder=4 if star else 3)
        offset, side = LABELS.get(name, ((0, 9), "center"))
        axis.annotate(
            name.replace("_", " "),
            (x, y),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            va="center" if side == "right" else "baseline",
            fontsize=9,
        )
    axis.axvline(1.0, color="#bbbbbb", linewidth=1, linestyle="--", zorder=1)
    axis.set(
        title=f"Held-out samples ({summary['episodes']})",
        xlabel="visual tokens, share of a plain full-resolution pass",
        ylabel="accuracy",
        xlim=(0.05, 1.45),
    )
    low, high = axis.get_ylim()
    axis.set_ylim(max(0.0, low - 0.08), min(1.05, high + 0.05))
    axis.grid(alpha=0.25)
