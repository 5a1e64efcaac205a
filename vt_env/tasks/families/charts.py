"""Family ``charts``: bar, pie and line charts with titles, legends, numbers and hatching."""

from __future__ import annotations

from vt_env.tasks.composing import offer_one
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.parts.chart_bars import draw_bars
from vt_env.tasks.parts.chart_lines import draw_lines
from vt_env.tasks.parts.chart_pies import draw_pie
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.task import Question

KINDS = (draw_bars, draw_pie, draw_lines)
SHARES = (0.5, 0.25, 0.25)
"""How often each kind is drawn."""


class ChartsTask:
    """One chart. Questions: its colours, numbers, names and patterns, and what it shows."""

    name = "charts"

    def draw(self, sheet: Sheet) -> list[Question]:
        """Draws a chart; the novel layout lies, is mirrored, or has its parts elsewhere."""
        kind = KINDS[int(sheet.rng.choice(len(KINDS), p=SHARES))]
        questions, colors = kind(sheet)
        return offer_one(sheet, questions, {"What pattern": PATTERNS, "What color": colors})
