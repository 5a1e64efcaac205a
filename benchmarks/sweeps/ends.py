"""Where a policy ends, and from which iteration on it was there; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

NEED, NO_NEED = "request_rate_need", "request_rate_no_need"
ALWAYS, NEVER, RIGHT, BETWEEN = "always", "never", "right", "between"
ENDS = (RIGHT, ALWAYS, NEVER, BETWEEN)
HIGH, LOW = 0.9, 0.1
"""Request rates from which on a policy asks, and up to which it does not."""
WINDOW = 5
"""Iterations that are averaged: one alone has few samples in need."""


def end_of(need: float | None, no_need: float | None) -> str:
    """Where a policy with these request rates is.

    Args:
        need: Share of the samples in need that it asks about; None: there are none.
        no_need: The same of those that need nothing.

    Returns:
        ``"right"``: it asks about at least `HIGH` of those in need and at most `LOW` of the others;
        ``"always"`` and ``"never"``: at least, or at most, that much of both; else ``"between"``.
        A rate that is not known fits all.
    """
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
        rows: Metrics of the iterations, in order, of episodes at the temperature of training.
        end: One of `ENDS`.

    Returns:
        The iteration, by means over the last `WINDOW`; None: training never gets there, as when
        only the likeliest decision, which the final evaluation takes, does.
    """
    found: int | None = None
    for last in range(len(rows)):
        seen = rows[max(0, last - WINDOW + 1) : last + 1]
        if end_of(_mean(seen, NEED), _mean(seen, NO_NEED)) != end:
            found = None
        elif found is None:
            found = int(rows[last]["iteration"])
    return found


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None
