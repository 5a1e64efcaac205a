"""What an evaluation comes to: metrics with intervals, regret, and who is better than whom."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from agents import Trajectory, Way
from agents.rollouts.metrics import episode_metrics, summary_metrics
from benchmarks.evaluation.intervals import (
    Difference,
    Values,
    interval,
    known,
    paired_difference,
    share_interval,
)
from benchmarks.evaluation.oracle import oracle_episodes

REGRET = "regret_to_oracle"
TOKENS = "visual_tokens/share_of_full"
SHARES = ("accuracy", "resize_call_ratio", "request_rate_need", "request_rate_no_need")
COLUMNS = {
    "accuracy": "accuracy",
    "resize_call_ratio": "asks",
    "request_rate_need": "need",
    "request_rate_no_need": "no need",
    TOKENS: "tokens",
    "reward": "reward",
    REGRET: "regret",
}
"""Metrics of the tables, and what they are called there."""
BASELINES: dict[Way, str] = {"answer": "always_low", "request": "always_high"}
ROWS: dict[Way, str] = {"answer": " low", "request": " high"}
"""What their rows are called, below that of the one whose decision was forced."""
ABOUT = (
    "low, high: the same with its decision forced; oracle: with that by the known need. "
    "Regret: what the oracle has over a row, in units of reward. Intervals: 95%, over samples."
)
_MISSING = "–"


@dataclass(frozen=True)
class Played:
    """What one who was evaluated played.

    Attributes:
        name: Who.
        own: The episodes, the decisions as they were asked for.
        forced: The same samples with the first decision forced; empty where that makes no sense.
        told: What the agent said of itself, by name.
    """

    name: str
    own: list[Trajectory]
    forced: dict[Way, list[Trajectory]] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    @cached_property
    def oracle(self) -> list[Trajectory] | None:
        """The same agent with its decision taken by the known need; None where none is known."""
        needs = {t.outcome.needs_high_res for t in self.own}
        if len(self.forced) < len(BASELINES) or needs == {None}:
            return None
        return oracle_episodes(self.forced["answer"], self.forced["request"])[0]

    @cached_property
    def regret(self) -> Difference | None:
        """What the oracle's returns have over its own, in units of reward; None without one."""
        if self.oracle is None:
            return None
        return paired_difference(per_sample(self.oracle)["reward"], per_sample(self.own)["reward"])

    @cached_property
    def ends(self) -> dict[str, tuple[float, float]]:
        """95% intervals of its metrics, regret among them."""
        lost = self.regret
        return intervals(self.own) | ({} if lost is None else {REGRET: (lost.low, lost.high)})


def per_sample(episodes: Sequence[Trajectory]) -> dict[str, Values]:
    """The metrics of the tables sample by sample; NaN where there is none.

    Returns:
        By name, of `episode_metrics`: (episodes,) each; the mean of what is there is the metric.
    """

    def values(of: Any) -> Values:
        found = [of(t) for t in episodes]
        return np.array([math.nan if value is None else value for value in found], np.float64)

    def asked(need: bool) -> Values:
        return values(lambda t: t.outcome.requested if t.outcome.needs_high_res is need else None)

    return {
        "accuracy": values(lambda t: t.outcome.correct),
        "resize_call_ratio": values(lambda t: t.outcome.requested),
        "request_rate_need": asked(True),
        "request_rate_no_need": asked(False),
        TOKENS: values(lambda t: t.visual_tokens / t.full_tokens),
        "reward": values(lambda t: None if t.outcome.correct is None else t.reward),
    }


def intervals(episodes: Sequence[Trajectory]) -> dict[str, tuple[float, float]]:
    """95% intervals over samples: Wilson's of shares, percentile bootstrap of other means."""
    found = {}
    for name, values in per_sample(episodes).items():
        there = known(values)
        if len(there):
            found[name] = (share_interval if name in SHARES else interval)(there)
    return found


def summary_of(played: Played) -> dict[str, Any]:
    """What is written of one who was evaluated: metrics, intervals, baselines, regret."""
    lost, best = played.regret, played.oracle
    found: dict[str, Any] = {
        "agent": played.name,
        **summary_metrics(played.own),
        "intervals": {n: [round(end, 6) for end in ends] for n, ends in played.ends.items()},
    }
    if played.forced:
        found["baselines"] = {
            BASELINES[way]: summary_metrics(episodes) for way, episodes in played.forced.items()
        }
        if best is not None:
            found["baselines"]["oracle"] = summary_metrics(best)
    if lost is not None:
        found[REGRET] = round(lost.mean, 6)
    if played.told:
        # JSON knows no infinity, and a threshold may be one.
        found["told"] = {n: v if math.isfinite(v) else str(v) for n, v in played.told.items()}
    return found


def differences(ours: Played, others: Played) -> dict[str, Difference]:
    """What one has more than another on the same samples, by metric.

    Raises:
        ValueError: If they played different samples.
    """
    if [t.sample_id for t in ours.own] != [t.sample_id for t in others.own]:
        raise ValueError("Both must have played the same samples in the same order.")
    mine, theirs = per_sample(ours.own), per_sample(others.own)
    pairs = {name: paired_difference(mine[name], theirs[name]) for name in mine}
    return {name: pair for name, pair in pairs.items() if pair is not None}


@dataclass(frozen=True)
class Compared:
    """One beside the first.

    Attributes:
        agent: Who.
        less: The first.
        samples: How many both played.
        differences: What it has more, by metric.
    """

    agent: str
    less: str
    samples: int
    differences: dict[str, Difference]

    def record(self) -> dict[str, Any]:
        """As it is written."""
        found = {name: asdict(gap) for name, gap in self.differences.items()}
        return {"agent": self.agent, "less": self.less, **found}


def compared(all_played: Sequence[Played]) -> list[Compared]:
    """Each further one beside the first, sample by sample."""
    first, *others = all_played
    return [Compared(o.name, first.name, len(first.own), differences(o, first)) for o in others]


def evaluation_table(all_played: Sequence[Played]) -> Table:
    """A row for each who was evaluated with intervals below, and rows of its baselines."""
    count = len(all_played[0].own)
    table = _table(f"{count} samples", COLUMNS.values())
    for played in all_played:
        rows: dict[str, Sequence[Trajectory]] = {
            ROWS[way]: episodes for way, episodes in played.forced.items()
        }
        best = played.oracle
        if best is not None:
            rows[" oracle"] = best
        lost, ends = played.regret, played.ends
        mean = {**episode_metrics(played.own), REGRET: None if lost is None else lost.mean}
        table.add_row(played.name, *(_cell(mean[name], ends.get(name)) for name in COLUMNS))
        for name, episodes in rows.items():
            table.add_row(name, *_row(episodes, best))
    return table


def _row(episodes: Sequence[Trajectory], best: Sequence[Trajectory] | None) -> list[str]:
    mean: dict[str, float | None] = dict(episode_metrics(episodes))
    if best is not None:
        gap = paired_difference(per_sample(best)["reward"], per_sample(episodes)["reward"])
        mean[REGRET] = None if gap is None else gap.mean
    return [_cell(mean.get(name)) for name in COLUMNS]


def compared_table(pairs: Sequence[Compared]) -> Table:
    """A row for each further one: what it has more than the first; at least one."""
    columns = {name: label for name, label in COLUMNS.items() if name != REGRET}
    title = f"Less {pairs[0].less}, on the same {pairs[0].samples} samples"
    table = _table(title, columns.values())
    for pair in pairs:
        table.add_row(pair.agent, *(_signed(pair.differences.get(name)) for name in columns))
    return table


def _table(title: str, labels: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("policy", overflow="fold", min_width=8)  # alone gives way
    for label in labels:
        table.add_column(label, justify="right", no_wrap=True)
    return table


def _signed(gap: Difference | None) -> str:
    return _MISSING if gap is None else _cell(gap.mean, (gap.low, gap.high), signed=True)


def _cell(
    value: float | None, ends: tuple[float, float] | None = None, *, signed: bool = False
) -> str:
    """A figure, and on a line of its own its interval."""
    if value is None:
        return _MISSING
    sign = "+" if signed else ""
    told = f"{value:{sign}.3f}"
    if ends is None:
        return told
    # 80 columns hold the table where zeros before the point are left out.
    low, high = (re.sub(r"^([+-]?)0\.", r"\1.", f"{end:{sign}.2f}") for end in ends)
    return f"{told}\n{low}…{high}"
