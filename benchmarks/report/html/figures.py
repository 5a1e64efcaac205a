"""The figures of a report: curves, the plane of accuracy and tokens, and where time went."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.report.html.lines import Curve, Line, curve, last_mean
from benchmarks.report.html.svg import (
    Mark,
    Trace,
    line_chart,
    scatter,
    stacked_bar,
    swatch,
)

CURVES = (
    ("Asks for the sharper image", True, (("request_rate_need", "needed"),
                                          ("request_rate_no_need", "not needed"))),
    ("Answers correctly", True, (("accuracy", ""),)),
    ("Reward", False, (("reward", ""),)),
    ("Visual tokens, share of a full pass", True, (("visual_tokens/share_of_full", ""),)),
    ("Regret to the start oracle, held out", False, (("eval/regret_to_start_oracle", ""),)),
)  # fmt: skip
"""Title, whether it is a share, and metrics with what tells them apart."""
ROWS = 12
"""Iterations that the table beside a chart has."""
PHASES = (
    ("engine writes", ("timing/generate",)),
    ("judge", ("timing/judge_wait",)),
    ("rest of play", ("timing/rollout", "-timing/generate", "-timing/judge_wait")),
    ("learner", ("timing/learner",)),
    ("weights handed over", ("timing/sync",)),
)
"""Parts of an iteration's time, each as a sum of metrics."""
BASELINES = {
    "always_low": (1, "square"),
    "always_high": (2, "square"),
    "oracle": (3, "diamond"),
    "start_oracle": (4, "hollow"),
    "untrained": (5, "ring"),
}
"""Colour and shape of what stands beside the policy."""
PLANE = ("visual tokens, share of a plain full pass", "accuracy")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table whose first column names the rows; cells are HTML."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def number(value: float | None, percent: bool = False) -> str:
    """A number as tables show it."""
    if value is None:
        return "–"
    return f"{value:.1%}" if percent else f"{value:.4g}"


def figure(title: str, drawing: str, legend: Sequence[str], more: str = "") -> str:
    """A drawing with its title, legend and numbers."""
    items = "".join(f"<li>{item}</li>" for item in legend)
    keys = f'<ul class="legend">{items}</ul>' if legend else ""
    return f"<figure><h3>{escape(title)}</h3>{drawing}{keys}{more}</figure>"


def curves(title: str, traces: Sequence[Trace], percent: bool) -> str:
    """A chart of curves with its legend and its numbers."""
    ends = ", ".join(f"{t.label or title} {number(t.curve.mean[-1], percent)}" for t in traces)
    drawing = line_chart(title, traces, f"At the last iteration: {ends}.", percent)
    legend = [swatch(t.color, t.dash) + escape(t.label) for t in traces if t.label]
    spread = any(a < b for t in traces for a, b in zip(t.curve.low, t.curve.high, strict=True))
    cells = _cells(traces, percent, spread)
    head = ["iteration", *(t.label or title for t in traces)]
    more = f"<details><summary>Numbers</summary>{table(head, cells, title)}</details>"
    return figure(title, drawing, legend, more)


def _cells(traces: Sequence[Trace], percent: bool, spread: bool) -> list[list[str]]:
    """Rows of the table beside a chart: some iterations, the last one among them."""
    every = sorted({x for t in traces for x in t.curve.x})
    step = max(1, len(every) // ROWS)
    rows = []
    for x in every[::-1][::step][::-1]:
        cells = [_cell(t.curve, x, percent, spread) for t in traces]
        rows.append([str(x), *cells])
    return rows


def _cell(drawn: Curve, x: int, percent: bool, spread: bool) -> str:
    if x not in drawn.x:
        return "–"
    at = drawn.x.index(x)
    told = number(drawn.mean[at], percent)
    if spread and drawn.low[at] < drawn.high[at]:
        told += f" ({number(drawn.low[at], percent)} to {number(drawn.high[at], percent)})"
    return told


def main_curves(lines: Sequence[Line]) -> str:
    """The curves of all lines, a chart a metric."""
    found = []
    for title, percent, metrics in CURVES:
        traces = [
            Trace(_joined(line.label if len(lines) > 1 else "", what), drawn, color, dash)
            for color, line in enumerate(lines)
            for dash, (key, what) in enumerate(metrics)
            if (drawn := curve(line.runs, key)) is not None
        ]
        if traces:
            found.append(curves(title, traces, percent))
    return "".join(found)


def parts_curves(lines: Sequence[Line], prefix: str, suffix: str, title: str, percent: bool) -> str:
    """A chart a line, with a curve for each metric ``prefix NAME suffix`` that is ever not 0."""
    found = []
    for line in lines:
        keys = [k for k in line.keys if k.startswith(prefix) and k.endswith(suffix)]
        named = [(k.removeprefix(prefix).removesuffix(suffix), curve(line.runs, k)) for k in keys]
        shown = [(name, c) for name, c in named if c is not None and any(c.high) | any(c.low)]
        traces = [
            Trace(name.replace("_", " "), drawn, color, color // 8)
            for color, (name, drawn) in enumerate(shown)
        ]
        if traces:
            whole = _joined(title, line.label if len(lines) > 1 else "")
            found.append(curves(whole, traces, percent))
    return "".join(found)


def plane(lines: Sequence[Line]) -> str:
    """Accuracy against visual tokens: each policy beside the baselines of its runs."""
    marks: list[Mark] = []
    for color, line in enumerate(lines):
        for run in line.runs:
            if run.summary is None:
                continue
            label = f"trained: {line.label}" if len(lines) > 1 else "trained"
            own = [(label, run.summary, color if len(lines) > 1 else 0, "star")]
            beside = run.summary.get("baselines", {})
            own += [(n.replace("_", " "), beside[n], c, s) for n, (c, s) in BASELINES.items()
                    if n in beside]  # fmt: skip
            marks += [
                Mark(name, point["visual_tokens/share_of_full"], point["accuracy"], c, s)
                for name, point, c, s in own
                if point.get("accuracy") is not None
            ]
    if not marks:
        return "<p>No run has a final evaluation yet.</p>"
    looks = {m.label: (m.color, m.shape) for m in marks}
    legend = [swatch(c, kind=s) + escape(label) for label, (c, s) in looks.items()]
    about = "A mark a run. The dashed line is a plain pass at full resolution."
    drawing = scatter("Accuracy against visual tokens", marks, about, PLANE)
    rows = [[escape(m.label), f"{m.y:.1%}", f"{m.x:.1%}"] for m in marks]
    more = table(["policy", "accuracy", "tokens"], rows, "Held-out samples, a row a run")
    return figure(
        "Accuracy against visual tokens", drawing, legend,
        f"<details><summary>Numbers</summary>{more}</details>",
    )  # fmt: skip


def endings(lines: Sequence[Line]) -> str:
    """How episodes end, at the end of training and in the final evaluation."""
    rows = []
    names = sorted({k for line in lines for k in line.keys if k.startswith("endings/")})
    shown = [n for n in names if any(last_mean(line.runs, n) or 0 for line in lines)
             or any((r.summary or {}).get(n) for line in lines for r in line.runs)]  # fmt: skip
    for line in lines:
        last = [number(last_mean(line.runs, n), True) for n in shown]
        rows.append([f"{escape(line.label)}, last training", *last])
        final = [run.summary for run in line.runs if run.summary is not None]
        if final:
            means = [sum(s.get(n) or 0.0 for s in final) / len(final) for n in shown]
            rows.append([f"{escape(line.label)}, held out", *(number(m, True) for m in means)])
    head = ["", *(n.removeprefix("endings/").replace("_", " ") for n in shown)]
    return table(head, rows, "Shares of episodes by how they ended") if shown else ""


def times(lines: Sequence[Line]) -> str:
    """Seconds of an iteration by phase, a bar a line."""
    found: list[tuple[str, list[tuple[str, float, int]], float]] = []
    for line in lines:
        whole = last_mean(line.runs, "timing/iteration", line.iterations)
        if whole is None:
            continue
        parts = [(n, _summed(line, keys), color) for color, (n, keys) in enumerate(PHASES)]
        rest = max(0.0, whole - sum(value for _, value, _ in parts))
        found.append((line.label, [*parts, ("other", rest, len(PHASES))], whole))
    if not found:
        return "<p>These runs logged no times.</p>"
    longest = max(whole for _, _, whole in found)
    bars = "".join(
        f'<p class="barline"><span>{escape(label)}: {whole:.2f} s</span>'
        f"{stacked_bar(parts, longest)}</p>"
        for label, parts, whole in found
    )
    names = [name for name, _, _ in found[0][1]]
    rows = [[escape(label), *(f"{v:.3f}" for _, v, _ in parts)] for label, parts, _ in found]
    more = table(["", *names], rows, "Mean seconds of an iteration")
    legend = [swatch(color) + escape(name) for name, _, color in found[0][1]]
    return figure("Seconds of an iteration, by phase", bars, legend, more)


def _summed(line: Line, keys: Sequence[str]) -> float:
    signs = [(-1.0 if key.startswith("-") else 1.0, key.removeprefix("-")) for key in keys]
    means = [s * (last_mean(line.runs, key, line.iterations) or 0.0) for s, key in signs]
    return max(0.0, sum(means))


def _joined(*words: str) -> str:
    return ": ".join(word for word in words if word)
