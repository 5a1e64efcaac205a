"""Figure 7 of VisionThink (arXiv 2507.13348): what is said around the images."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

PROMPTS = Sweep(
    "prompts",
    "How much does the wording decide how often a policy asks at first, and at last?",
    tuple(Point(name, {"env.prompt": name}) for name in ("agent", "brief", "simple", "think")),
)
