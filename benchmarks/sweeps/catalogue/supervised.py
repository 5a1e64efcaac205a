"""Table 8 of VisionThink (arXiv 2507.13348): fine-tuning by example in place of RL."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

SUPERVISED = Sweep(
    "sft",
    "How often does a model ask that was taught by example, by the decision of the known need or "
    "by whichever pays more?",
    (
        Point("oracle", {"sft.targets": "oracle"}),
        Point("best", {"sft.targets": "best"}),
    ),
    {"rewards.preset": "paper"},
    method="sft",
)
"""Rewards are those of the sweep ``penalty``, to compare with it on the same held-out samples."""
