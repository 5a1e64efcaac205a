"""The map of collapse: how many samples need the sharper image, and what requests pay."""

from typing import Any

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

NEEDS = (0.02, 0.1, 0.25, 0.5)
PENALTIES: dict[str, dict[str, Any]] = {
    "none": {"grpo.shaper": "none"},
    "all": {"grpo.shaper": "all_penalty"},
    "theta0.2": {"grpo.shaper": "paper", "grpo.shaper_params": {"theta": 0.2}},
    "every0.3": {"grpo.shaper": "every_request", "grpo.shaper_params": {"penalty": 0.3}},
}
COLLAPSE = Sweep(
    "collapse",
    "Where does a policy end, by how many samples need the sharper image and by what requests "
    "pay: does it always ask, never, or when it needs to?",
    tuple(
        Point(f"need{need:g}-{name}", {"world.need": need, **penalty})
        for need in NEEDS
        for name, penalty in PENALTIES.items()
    ),
    {"rewards.preset": "paper", "evaluation.samples": 1000},
)
"""``world.need`` is how often such a question is wanted; of its 0.02 about 5% come to be, for some
scenes have no other question. More samples are evaluated, so that there are some in need."""
