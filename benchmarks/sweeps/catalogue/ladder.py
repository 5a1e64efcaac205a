"""Two resolutions against three, at the price of the tokens of each."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

LADDER = Sweep(
    "ladder",
    "Does a policy come to fewer visual tokens where it begins lower and may ask twice?",
    (
        Point("two", {"env.resolutions": (0.5, 1.0), "env.max_turns": 2}),
        Point("three-lower", {"env.resolutions": (0.25, 0.5, 1.0), "env.max_turns": 3}),
        Point("three-between", {"env.resolutions": (0.5, 0.75, 1.0), "env.max_turns": 3}),
    ),
)
"""A request shows the next level, or the one that its ``scale`` names; every image is paid for. The
embedded model asks once at most; a model that asks twice is named by ``--engine.model_dir``."""
