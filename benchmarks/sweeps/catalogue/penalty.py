"""Figure 3a of VisionThink (arXiv 2507.13348): what requests have to pay."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

PENALTY = Sweep(
    "penalty",
    "Does a policy ask about everything without a penalty, about nothing when each right answer "
    "after a request pays, and as often as it needs to with a threshold of 0.2?",
    (
        Point("none", {"grpo.shaper": "none"}),
        Point("all", {"grpo.shaper": "all_penalty"}),
        Point("every-request", {"grpo.shaper": "every_request"}),
        Point("paper-theta0.2", {"grpo.shaper": "paper", "grpo.shaper_params": {"theta": 0.2}}),
    ),
    {"rewards.preset": "paper"},
)
"""Rewards are the paper's: tokens cost nothing, so that the shaper alone holds requests back."""
