"""A suite of the embedded world, a dataset that draws it, and an environment of one's own."""

from __future__ import annotations

from typing import Any

import gymnasium

from judges import Verdict
from vt_env import DATASETS, SUITES, Episode, VisionThinkEnv, World

SUITES.register("acme", (("textures",), ("objects", "maps")))


@DATASETS.register("acme_world")
def acme_world(seed: int = 3) -> World:
    """Samples of the suite: half of them textures."""
    return World("train", seed, suite="acme")


class AcmeEpisode(Episode):
    """An episode with a grant for whoever answers, whatever the judge says."""

    def settle(self, verdict: Verdict) -> dict[str, float]:
        return {**super().settle(verdict), **self.pay({"acme_grant": 0.125})}


class AcmeEnv(VisionThinkEnv):
    """Plays `AcmeEpisode`s, by default in one turn more."""

    episode_class = AcmeEpisode

    def __init__(self, *, more_turns: int = 1, max_turns: int = 2, **settings: Any) -> None:
        super().__init__(max_turns=max_turns + more_turns, **settings)


gymnasium.register("acme/Look-v0", entry_point=AcmeEnv)
