"""Where a policy ends, and from which iteration on it was there; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NEED, NO_NEED, ALL = "request_rate_need", "request_rate_no_need", "resize_call_ratio"
ALWAYS, NEVER, RIGHT, BETWEEN = "always", "never", "right", "between"
ENDS = (RIGHT, ALWAYS, NEVER, BETWEEN)
HIGH, LOW = 0.9, 0.1
"""Request rates from which on a policy asks, and up to which it does not."""
WINDOW = 5
"""Iterations that are averaged: one alone has few samples in need."""


def end_of(metrics: Mapping[str, Any]) -> str:
    """Where a policy with these request rates is.

    Args:
        metrics: `NEED` and `NO_NEED`, shares of the samples in need, and of those that need
            nothing, that it asks about; of data whose need nobody knows `ALL` alone counts.

    Returns:
        ``"right"``: it asks about at least `HIGH` of those in need and at most `LOW` of the others;
        ``"always"`` and ``"never"``: at least, or at most, that much of both; else ``"between"``.
        Where one of the rates is not known the other decides.
    """
    need, no_need = metrics.get(NEED), metrics.get(NO_NEED)
    if _known(need, -1.0) < 0 and _known(no_need, -1.0) < 0:
        need = no_need = metrics.get(ALL)
        if need is None:
            return BETWEEN
    asks, spares = _known(need) >= HIGH, _known(no_need, 0.0) <= LOW
    if asks and spares:
        return RIGHT
    if asks and _known(no_need) >= HIGH:
        return ALWAYS
    if spares and _known(need, 0.0) <= LOW:
        return NEVER
    return BETWEEN


def _known(rate: float | None, otherwise: float = 1.0) -> float:
    return otherwise if rate is None or np.isnan(rate) else rate


def settled(rows: Sequence[Mapping[str, Any]], end: str) -> int | None:
    """The first iteration from which on training stays where the policy ends.

    Args:
        rows: Metrics of the iterations, in order, of episodes at the temperature of training; where
            nothing is played, as by fine-tuning, they say nothing.
        end: One of `ENDS`.

    Returns:
        The iteration, by means over the last `WINDOW`; None: training never gets there, as when
        only the likeliest decision, which the final evaluation takes, does.
    """
    found: int | None = None
    rows = [row for row in rows if ALL in row or NEED in row or NO_NEED in row]
    for last in range(len(rows)):
        seen = rows[max(0, last - WINDOW + 1) : last + 1]
        if end_of({name: _mean(seen, name) for name in (NEED, NO_NEED, ALL)}) != end:
            found = None
        elif found is None:
            found = int(rows[last]["iteration"])
    return found


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None
