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
BASE: dict[str, Any] = {"rewards.preset": "paper", "evaluation.samples": 1000}
"""More samples are evaluated than by default, so that there are some in need."""
COLLAPSE = Sweep(
    "collapse",
    "Where does a policy end, by how many samples need the sharper image and by what requests "
    "pay: does it always ask, never, or when it needs to?",
    tuple(
        Point(f"need{need:g}-{name}", {"world.need": need, **penalty}, (f"need {need:g}", name))
        for need in NEEDS
        for name, penalty in PENALTIES.items()
    ),
    BASE,
)
"""``world.need`` is how often such a question is wanted; of its 0.02 about 5% come to be, for some
scenes have no other question."""

REMEDIES: dict[str, dict[str, Any]] = {
    "balanced": {"grpo.balanced_exploration": 1.0},
    "guard": {"grpo.shaper_params": {"sign_guard": True}},
    "per-term": {"grpo.advantage_estimator": "per_term"},
}


def _with(penalty: dict[str, Any], remedy: dict[str, Any]) -> dict[str, Any]:
    """Both, their parameters of the shaper joined."""
    key = "grpo.shaper_params"
    params = {**penalty.get(key, {}), **remedy.get(key, {})}
    return {**penalty, **remedy, **({key: params} if params else {})}


COLLAPSE_REMEDIES = Sweep(
    "collapse-remedies",
    "Which remedy keeps a policy asking where only about 5% of the samples need it?",
    tuple(
        Point(f"{remedy}-{name}", _with(penalty, changed), (remedy, name))
        for remedy, changed in REMEDIES.items()
        for name, penalty in PENALTIES.items()
        if not (remedy == "guard" and name == "none")  # there is no penalty to guard against
    ),
    {**BASE, "world.need": NEEDS[0]},
)
"""The row ``need 0.02`` of `COLLAPSE` is the same without a remedy."""
