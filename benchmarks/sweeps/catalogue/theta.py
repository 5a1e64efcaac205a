"""Figure 8 of VisionThink (arXiv 2507.13348): the threshold of its penalty."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

THETAS = (0.0, 0.15, 0.2, 0.25, 0.3)
THETA = Sweep(
    "theta",
    "How much does it matter from which share of direct right answers on requests pay?",
    (
        Point("none", {"grpo.shaper": "none"}),
        *(
            Point(
                f"theta{theta:g}", {"grpo.shaper": "paper", "grpo.shaper_params": {"theta": theta}}
            )
            for theta in THETAS
        ),
    ),
    {"rewards.preset": "paper"},
)
