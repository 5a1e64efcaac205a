"""The final held-out figures of a run by the names that boards have for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

POLICY, SAMPLED = "Final/policy", "Final/policy_temperature_1"
"""Of the trained policy. Boards sort by name, capitals first: these stand before all that training
logs, so that the five that TensorBoard's HPARAMS tab shows at first are among them."""
BASELINES = "baselines"
_OF_THE_RUN = ("seed", "iterations", "seconds", "seconds_in_all", "peak_memory_gb", "episodes")


def final_figures(summary: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a summary, flat: those of the policy, then those of each baseline.

    Args:
        summary: As in ``summary.json``; parts that it lacks are left out.
    """
    found = _numbers(POLICY, summary) | _numbers(SAMPLED, summary.get("temperature_1", {}))
    for name, figures in summary.get("baselines", {}).items():
        found |= _numbers(f"{BASELINES}/{name}", figures)
    return found


def _numbers(prefix: str, figures: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{prefix}/{name}": float(value)
        for name, value in figures.items()
        if name not in _OF_THE_RUN
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    }
