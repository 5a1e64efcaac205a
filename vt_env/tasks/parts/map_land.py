"""The land of a map: where roads, water and plots lie, and drawing all that carries no answer.

A map is planned as if its road ran from left to right; the novel layout exchanges x and y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vt_env.tasks.hatching import MARGIN
from vt_env.tasks.parts.props import Point, blob, shaded
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import Color
from vt_env.tasks.task import Box
from vt_env.tasks.vocabulary import SIDES

LANDS: tuple[Color, ...] = ((226, 230, 208), (236, 230, 214), (222, 228, 220))
NOVEL_LANDS: tuple[Color, ...] = ((230, 222, 226), (212, 218, 226))
WATERS: tuple[Color, ...] = ((150, 190, 218), (138, 186, 204), (162, 196, 228))
ROADS: tuple[Color, ...] = ((255, 255, 255), (252, 236, 176), (250, 214, 158))
LEAF: Color = (138, 168, 130)
LARGE_CANVAS = 448
SMOOTH = 2
"""The land is drawn this much larger, and reduced."""
TURNED = {"left": "top", "top": "left", "right": "bottom", "bottom": "right"}


@dataclass(frozen=True)
class Plan:
    """Where things lie, with the road from left to right.

    Attributes:
        side: Side of the sheet, in pixels.
        turned: Whether x and y are exchanged when it is drawn.
        columns: Left and right end of the plots.
        rows: Their upper and lower end.
        band: Upper and lower end of the strip that the road and its number have to themselves.
        road: The road.
        road_width: Its width.
        lake: Side that the lake is on, as drawn; None: there is a river.
        shore: Outline of the lake.
        river: Course of the river.
        river_width: Its width.
        crossed: Whether the road crosses the river.
    """

    side: int
    turned: bool
    columns: list[tuple[int, int]]
    rows: list[tuple[int, int]]
    band: tuple[int, int]
    road: list[Point]
    road_width: int
    lake: str | None
    shore: list[Point]
    river: list[Point]
    river_width: int
    crossed: bool
    ford: tuple[int, int] = (0, 0)
    """Where along the road the river begins and ends, if they cross."""

    def road_at(self, x: float) -> float:
        """Where across the map the road is, at a point along it."""
        return float(np.interp(x, [p[0] for p in self.road], [p[1] for p in self.road]))

    def box(self, box: Box) -> Box:
        """A planned box as it is drawn."""
        return (box[1], box[0], box[3], box[2]) if self.turned else box

    def plot(self, row: int, column: int) -> Box:
        """A plot, as it is drawn."""
        (left, right), (top, bottom) = self.columns[column], self.rows[row]
        return self.box((left, top, right, bottom))


def plan_map(sheet: Sheet) -> Plan:
    """Draws by lot where the water, the road and the plots of a map lie."""
    rng, side = sheet.rng, sheet.side
    large = side >= LARGE_CANVAS
    gap = round(side * 0.05)
    has_lake, crossed = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    shores = SIDES if has_lake else ("top", "bottom")
    where = shores[int(rng.integers(len(shores)))]
    strip = round(side * (rng.uniform(0.19, 0.23) if has_lake else 0.17))
    river_width = round(side * (0.05 if large else 0.07))
    crossed = crossed and not has_lake
    taken = 0 if crossed else strip - 4
    left, right, top, bottom = (MARGIN + taken * (where == end) for end in SIDES)
    row_gaps = [gap] * (int(rng.integers(2, 4)) if large else 1)
    column_gaps = [gap] * (2 if large else 1)
    if crossed:
        bridged = int(rng.integers(len(column_gaps)))
        column_gaps[bridged] = river_width + gap + 6
    columns = _split(left, side - right, column_gaps)
    free = side - top - bottom - gap * (len(row_gaps) - 1)
    least = max(20, side // 9)
    share = (0.13 if large else 0.26) * (1.25 if sheet.style.novel else 1)
    after = int(rng.integers(len(row_gaps)))
    row_gaps[after] = min(round(side * share), free - least * (len(row_gaps) + 1))
    rows = _split(top, side - bottom, row_gaps)
    band = rows[after][1], rows[after + 1][0]
    road_width = round(side * (0.04 if large else 0.065))
    swing = max(1.0, (band[1] - band[0] - road_width) * 0.22)
    river: list[Point] = []
    ford = (0, 0)
    if crossed:
        ford = columns[bridged][1], columns[bridged + 1][0]
        river = [(y, x) for x, y in _winding(rng, side, sum(ford) / 2, gap * 0.3)]
    elif not has_lake:
        at = strip * 0.5 if where == "top" else side - strip * 0.5
        river = _winding(rng, side, at, gap * 0.3)
    return Plan(
        side=side,
        turned=sheet.style.novel,
        columns=columns,
        rows=rows,
        band=band,
        road=_winding(rng, side, (band[0] + band[1]) / 2, swing),
        road_width=road_width,
        lake=(TURNED[where] if sheet.style.novel else where) if has_lake else None,
        shore=_shore(rng, side, strip, where) if has_lake else [],
        river=river,
        river_width=river_width,
        crossed=crossed,
        ford=ford,
    )


def _split(start: int, end: int, gaps: list[int]) -> list[tuple[int, int]]:
    """Equal shares of a length, with gaps between them."""
    share = (end - start - sum(gaps)) // (len(gaps) + 1)
    shares, at = [], start
    for gap in [*gaps, 0]:
        shares.append((at, at + share))
        at += share + gap
    return shares


def _winding(rng: np.random.Generator, side: int, middle: float, swing: float) -> list[Point]:
    """A gently winding line from beyond the left edge to beyond the right one."""
    phase, bends = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0.7, 1.5))
    steps = 24
    return [
        (
            (step / steps * 1.2 - 0.1) * side,
            middle + swing * math.sin(phase + bends * 2 * math.pi * step / steps),
        )
        for step in range(steps + 1)
    ]


def _shore(rng: np.random.Generator, side: int, strip: int, where: str) -> list[Point]:
    """Outline of a lake along one side of the sheet."""
    depth = strip - side * 0.035
    edge = _winding(rng, side, depth, side * 0.02)
    around = [*edge, (side * 1.2, -side * 0.2), (-side * 0.2, -side * 0.2)]  # along the top
    if where in ("left", "right"):
        around = [(y, x) for x, y in around]
    if where == "right":
        return [(side - x, y) for x, y in around]
    return [(x, side - y) for x, y in around] if where == "bottom" else around


class Land:
    """Draws land enlarged, then lays it on the sheet.

    Args:
        sheet: The sheet.
        plan: Where things lie.
    """

    def __init__(self, sheet: Sheet, plan: Plan) -> None:
        rng = sheet.rng
        lands = NOVEL_LANDS if sheet.style.novel else LANDS
        self.color = lands[int(rng.integers(len(lands)))]
        self.water = WATERS[int(rng.integers(len(WATERS)))]
        self.road = ROADS[int(rng.integers(len(ROADS)))]
        self._sheet, self._plan = sheet, plan
        self._image = Image.new("RGB", (sheet.side * SMOOTH, sheet.side * SMOOTH), self.color)
        self._draw = ImageDraw.Draw(self._image)

    def lay(self) -> None:
        """Draws hills, water and the road."""
        plan, rng = self._plan, self._sheet.rng
        for _ in range(2):
            middle = (float(rng.uniform(0, plan.side)), float(rng.uniform(0, plan.side)))
            radii = (plan.side * float(rng.uniform(0.2, 0.4)), plan.side * 0.2)
            hill = blob(middle, radii, (0.1, 0.06), corners=24)
            self.area(hill, shaded(self.color, 0.975))
        if plan.river:
            self.line(plan.river, plan.river_width + 2, shaded(self.water, 0.84))
            self.line(plan.river, plan.river_width, self.water)
        self.line(plan.road, plan.road_width + 2, (132, 124, 112))
        self.line(plan.road, plan.road_width - 1, self.road)
        if plan.lake:
            self.area(plan.shore, self.water, shaded(self.water, 0.8))

    def finish(self) -> None:
        """Lays the land on the sheet."""
        self._sheet.image.paste(self._image.reduce(SMOOTH))

    def area(self, points: list[Point], color: Color, edge: Color | None = None) -> None:
        """Fills an area, planned with the road from left to right, and outlines it."""
        corners = self._enlarged(points)
        self._draw.polygon(corners, fill=color)
        if edge:
            width = SMOOTH * max(1, self._plan.side // 160)
            self._draw.line([*corners, corners[0]], fill=edge, width=width)

    def line(self, points: list[Point], width: int, color: Color) -> None:
        """Draws a winding line, planned with the road from left to right."""
        at = np.array(points)
        along = np.gradient(at, axis=0)
        along *= width / 2 / np.hypot(along[:, 0], along[:, 1])[:, None]
        side = np.stack([-along[:, 1], along[:, 0]], axis=1)
        edge = np.concatenate([at + side, (at - side)[::-1]])
        self.area([(x, y) for x, y in edge.tolist()], color)

    def field(self, points: list[Point], color: Color) -> None:
        """Draws a field, given as it is drawn, with a hedge around it."""
        corners = [(x * SMOOTH, y * SMOOTH) for x, y in points]
        width = SMOOTH * max(1, self._plan.side // 160)
        self._draw.polygon(corners, fill=color)
        self._draw.line([*corners, corners[0]], fill=shaded(color, 0.82), width=width)

    def _enlarged(self, points: list[Point]) -> list[Point]:
        at = [(x * SMOOTH, y * SMOOTH) for x, y in points]
        return [(y, x) for x, y in at] if self._plan.turned else at

    def wood(self, box: Box) -> None:
        """Plants a few trees in a plot, given as it is drawn."""
        rng, reach = self._sheet.rng, max(3, self._plan.side // 56)
        for _ in range(int(rng.integers(3, 7))):
            x = int(rng.integers(box[0] + reach, box[2] - reach + 1)) * SMOOTH
            y = int(rng.integers(box[1] + reach, box[3] - reach + 1)) * SMOOTH
            r = reach * SMOOTH
            self._draw.ellipse((x - r, y - r + 2, x + r, y + r + 2), fill=shaded(LEAF, 0.8))
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=LEAF)

    def houses(self, box: Box) -> None:
        """Builds a few houses in a plot, given as it is drawn."""
        rng, size = self._sheet.rng, max(7, self._plan.side // 24)
        across = max(1, (box[2] - box[0]) // (size * 2))
        down = max(1, (box[3] - box[1]) // (size * 2))
        for number in range(across * down):
            if rng.random() < 0.4:
                continue
            x = box[0] + number % across * size * 2 + int(rng.integers(0, size // 2))
            y = box[1] + number // across * size * 2 + int(rng.integers(0, size // 2))
            corner = [v * SMOOTH for v in (x, y, x + size, y + round(size * 0.8))]
            self._draw.rectangle(corner, fill=(206, 196, 188), outline=(150, 138, 130), width=2)
            middle = (corner[1] + corner[3]) // 2
            self._draw.line((corner[0], middle, corner[2], middle), fill=(164, 152, 144), width=2)
