"""Charts as inline SVG: a few kB each, coloured by the page's style in light and in dark.

Hand-made rather than by a library: a plotting library that runs in the page weighs megabytes, and
matplotlib's SVG fixes its colours. Every chart names itself to screen readers; the numbers stand in
a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from benchmarks.report.html.lines import Curve

WIDTH, HEIGHT = 360, 220
"""Size of a chart in its own units, which are pixels on a phone."""
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 34
COLORS = 8
"""Classes ``c0`` to ``c7`` of the style."""
MOST_BANDS = 6
"""Curves of a chart from which on bands would hide each other, and are left to the table."""
DASHES = ("", "6 4", "2 3")


@dataclass(frozen=True)
class Trace:
    """A curve as it is drawn.

    Attributes:
        label: Its name.
        curve: Its points.
        color: Number of its colour.
        dash: Number of its dashes.
    """

    label: str
    curve: Curve
    color: int
    dash: int = 0


@dataclass(frozen=True)
class Mark:
    """A point of a scatter plot.

    Attributes:
        label: Its name; marks of one label look alike.
        x: Across.
        y: Up.
        color: Number of its colour.
        shape: ``dot``, ``star``, ``square``, ``diamond``, ``hollow`` or ``ring``.
    """

    label: str
    x: float
    y: float
    color: int
    shape: str = "dot"


@dataclass(frozen=True)
class Axes:
    """Two scales.

    Attributes:
        x: Lowest and highest across.
        y: Lowest and highest up.
        percent: Whether values up are shares.
        percent_x: Whether those across are.
        whole_x: Whether those across are whole numbers.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    percent: bool = False
    percent_x: bool = False
    whole_x: bool = False
    height: int = field(default=HEIGHT)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        wide, high = WIDTH - LEFT - RIGHT, self.height - TOP - BOTTOM
        return round(LEFT + across * wide, 1), round(TOP + (1 - up) * high, 1)


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers in a range, about so many."""
    step = (high - low) / max(1, about)
    size = 10 ** math.floor(math.log10(step))
    step = next(f * size for f in (1, 2, 2.5, 5, 10) if f * size >= step * 0.999)
    step = max(1.0, math.ceil(step)) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def limits(values: Iterable[float], percent: bool = False) -> tuple[float, float]:
    """A range that holds values, with room; of shares from 0 to 1."""
    found = [v for v in values if math.isfinite(v)]
    if percent and all(-1e-9 <= v <= 1 + 1e-9 for v in found):
        return 0.0, 1.0
    low, high = min(found, default=0.0), max(found, default=1.0)
    room = (high - low) * 0.06 or max(abs(high), 1.0) * 0.05
    return (0.0 if 0 <= low < room * 4 else low - room), high + room


def line_chart(title: str, traces: Sequence[Trace], about: str, percent: bool = False) -> str:
    """Curves over iterations, each with the band of its seeds.

    Args:
        title: What it is, for screen readers.
        traces: At least one.
        about: What is read off it, for screen readers.
        percent: Whether they are shares.
    """
    values = [v for t in traces for v in (*t.curve.low, *t.curve.high)]
    last = max(t.curve.x[-1] for t in traces)
    first = min(t.curve.x[0] for t in traces)
    axes = Axes(
        (first, max(last, first + 1)), limits(values, percent), percent=percent, whole_x=True
    )
    parts = [_grid(axes), _name_x("iteration", axes.height)]
    for t in traces if len(traces) <= MOST_BANDS else ():
        if any(low < high for low, high in zip(t.curve.low, t.curve.high, strict=True)):
            upper = [axes.at(*p) for p in zip(t.curve.x, t.curve.high, strict=True)]
            lower = [axes.at(*p) for p in zip(t.curve.x, t.curve.low, strict=True)]
            around = _path([*upper, *lower[::-1]])
            parts.append(f'<path class="band {_class(t.color)}" d="{around}Z"/>')
    for t in traces:
        points = [axes.at(*p) for p in zip(t.curve.x, t.curve.mean, strict=True)]
        dash = f' stroke-dasharray="{DASHES[t.dash]}"' if t.dash else ""
        parts.append(f'<path class="line {_class(t.color)}"{dash} d="{_path(points)}"/>')
        if len(points) <= 12:
            parts += [
                f'<circle class="dot {_class(t.color)}" cx="{x}" cy="{y}" r="2.5"/>'
                for x, y in points
            ]
    return _svg(title, about, parts, axes.height)


def scatter(title: str, marks: Sequence[Mark], about: str, names: tuple[str, str]) -> str:
    """Points in a plane of two shares.

    Args:
        title: What it is, for screen readers.
        marks: At least one.
        about: What is read off it, for screen readers.
        names: What the axes are called.
    """
    low, high = limits([m.y for m in marks])
    far = max(1.3, max(m.x for m in marks) * 1.05)
    axes = Axes((0.0, far), (max(0.0, low), min(1.02, high)), True, True, height=300)
    parts = [_grid(axes), _name_x(names[0], axes.height)]
    x, _ = axes.at(1.0, axes.y[0])
    parts.append(f'<path class="rule" d="M{x} {TOP}V{axes.height - BOTTOM}"/>')
    for m in sorted(marks, key=lambda mark: mark.shape == "star"):
        x, y = axes.at(m.x, m.y)
        told = f"{m.label}: {names[1]} {m.y:.1%}, {names[0]} {m.x:.0%}"
        parts.append(f"<g><title>{escape(told)}</title>{shape(m.shape, m.color, x, y)}</g>")
    return _svg(title, about, parts, axes.height)


def shape(kind: str, color: int, x: float, y: float) -> str:
    """A mark at a place."""
    name = f'class="mark {_class(color)}"'
    if kind == "square":
        return f'<rect {name} x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'
    if kind in ("diamond", "hollow", "star"):
        corners, radii = (5, (10.0, 4.5)) if kind == "star" else (2, (7.0, 7.0))
        if kind == "hollow":
            name, radii = f'class="mark hollow {_class(color)}"', (10.0, 10.0)
        turns = [k * math.pi / corners - math.pi / 2 for k in range(2 * corners)]
        radius = [radii[k % 2] for k in range(2 * corners)]
        points = [
            (x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(turns, radius, strict=True)
        ]
        return f'<path {name} d="{_path(points)}Z"/>'
    extra = " ring" if kind == "ring" else ""
    return f'<circle class="mark {_class(color)}{extra}" cx="{x}" cy="{y}" r="5"/>'


def swatch(color: int, dash: int = 0, kind: str | None = None) -> str:
    """What stands before a name in a legend."""
    if kind is not None:
        inner = shape(kind, color, 11.0, 11.0)
        return f'<svg class="swatch" width="22" height="22" aria-hidden="true">{inner}</svg>'
    dashes = f' stroke-dasharray="{DASHES[dash]}"' if dash else ""
    inner = f'<path class="line {_class(color)}"{dashes} d="M1 6H25"/>'
    return f'<svg class="swatch" width="26" height="12" aria-hidden="true">{inner}</svg>'


def stacked_bar(parts: Sequence[tuple[str, float, int]], whole: float) -> str:
    """A bar of parts, each with its name, value and colour; `whole` fills it."""
    drawn, x = [], 0.0
    for name, value, color in parts:
        wide = 100 * value / whole if whole else 0.0
        drawn.append(
            f'<rect class="fill {_class(color)}" x="{x:.2f}%" width="{wide:.2f}%" height="18">'
            f"<title>{escape(name)}: {value:.3g}</title></rect>"
        )
        x += wide
    return f'<svg class="bar" height="18" aria-hidden="true">{"".join(drawn)}</svg>'


def _grid(axes: Axes) -> str:
    parts = []
    for value in ticks(*axes.y):
        _, y = axes.at(axes.x[0], value)
        told = f"{value:.0%}" if axes.percent else f"{value:g}"
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{told}</text>')
    for value in ticks(*axes.x, whole=axes.whole_x):
        x, y = axes.at(value, axes.y[0])
        told = f"{value:.0%}" if axes.percent_x else f"{value:g}"
        parts.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{told}</text>')
    return "".join(parts)


def _name_x(name: str, height: int) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    return f'<text x="{middle}" y="{height - 3}" text-anchor="middle">{escape(name)}</text>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _class(color: int) -> str:
    return f"c{color % COLORS}"


def _svg(title: str, about: str, parts: Sequence[str], height: int) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(f"{title}. {about}")}">{"".join(parts)}</svg>'
    )
