"""A suite of the embedded world, and a dataset that draws it."""

from __future__ import annotations

from vt_env import DATASETS, SUITES, World

SUITES.register("acme", (("textures",), ("objects", "maps")))


@DATASETS.register("acme_world")
def acme_world(seed: int = 3) -> World:
    """Samples of the suite: half of them textures."""
    return World("train", seed, suite="acme")
