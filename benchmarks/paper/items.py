"""Which figures and tables there are, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.paper import (
    cold_start,
    families,
    metric,
    picture,
    plane,
    requests,
    router,
    seconds,
    supervised,
)
from benchmarks.paper.material import Material, Table
from benchmarks.sweeps import Sweep, Trial


@dataclass(frozen=True)
class Item:
    """A figure or table.

    Attributes:
        name: As it is asked for.
        title: Which of the paper's it is, and of what.
        sweep: The sweep that it needs; None: it needs no training.
        only: Pattern of the points that it needs.
        ours: Makes our table.
        theirs: The paper's numbers; no rows where it prints none.
        says: Sentences on what ours shows, beside the paper.
        beside: Names of further sweeps that it needs, each with a pattern of its points.
        follow: Plans a sweep whose trials begin with what those came to.
        measure: Measures the models afterwards, and keeps what it found in a file.
        draw: Draws ours into a PNG.
    """

    name: str
    title: str
    sweep: str | None
    only: str
    ours: Callable[[Material | None], Table]
    theirs: Callable[[], Table]
    says: Callable[[Material | None], Sequence[str]]
    beside: tuple[tuple[str, str], ...] = ()
    follow: Callable[[Material], tuple[Sweep, list[Trial]]] | None = None
    measure: Callable[[Material, Path], Mapping[str, Any]] | None = None
    draw: Callable[[Material, Path], None] | None = None


ITEMS: dict[str, Item] = {
    item.name: item
    for item in (
        Item("fig1", "Figure 1: full, quarter and ours by family", "penalty", "paper-theta0.2",
             families.accuracy, families.printed_accuracy, families.says_accuracy),
        Item("fig3a", "Figure 3a: what requests pay", "penalty", "*",
             requests.table, requests.printed_penalty, requests.says_penalty),
        Item("fig4", "Figure 4: seconds of full, quarter and ours", "penalty", "paper-theta0.2",
             seconds.table, seconds.printed_seconds, seconds.says, measure=seconds.measure),
        Item("fig5", "Figure 5: requests by family", "penalty", "paper-theta0.2",
             families.requests, families.printed_requests, families.says_requests),
        Item("fig6", "Figure 6: the flaw of the stock metric", None, "*",
             metric.table, metric.printed_verdicts, metric.says),
        Item("fig7", "Figure 7: prompts", "prompts", "*",
             requests.table_with_start, requests.printed_prompts, requests.says_prompts),
        Item("fig8", "Figure 8: the threshold", "theta", "*",
             requests.table, requests.printed_theta, requests.says_theta),
        Item("table2", "Table 2: accuracy against retained tokens", "penalty", "paper-theta0.2",
             plane.table, plane.printed_plane, plane.says,
             measure=router.measure, draw=picture.draw),
        Item("table8", "Table 8: RL against fine-tuning", "penalty", "paper-theta0.2",
             supervised.table, supervised.printed_supervised, supervised.says,
             beside=(("sft", "*"),)),
        Item("table9", "Table 9: RL after a cold start", "penalty", "paper-theta0.2",
             cold_start.table, cold_start.printed_cold_start, cold_start.says,
             beside=(("sft", cold_start.TAUGHT),), follow=cold_start.follow),
    )
}  # fmt: skip
"""Every item by its name, in the paper's order."""
