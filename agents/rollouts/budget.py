"""A budget of visual tokens, held by a price that follows what is spent; pure.

The multiplier of a constraint in a Lagrangian, moved by dual ascent: the price of visual tokens
rises while more are spent than the target, and falls, to 0 at the least, while fewer are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agents.rollouts.trajectory import Trajectory

TERM = "budget"
"""Name of the reward term."""


def visual_share(episodes: Sequence[Trajectory]) -> float | None:
    """Mean share of visual tokens, of those of a plain full-resolution pass.

    Taken over episodes whose first decision was the policy's own; None where none was.
    """
    shares = [t.visual_tokens / t.full_tokens for t in episodes if t.forced is None]
    return float(np.mean(shares)) if shares else None


def priced(episodes: Sequence[Trajectory], multiplier: float) -> list[Trajectory]:
    """Takes `multiplier` times its share of visual tokens from the reward of each episode.

    Returns:
        The episodes with the reward term ``budget``; as they are at a multiplier of 0.
    """
    if multiplier == 0:
        return list(episodes)
    return [
        replace(
            t, reward_terms={**t.reward_terms, TERM: -multiplier * t.visual_tokens / t.full_tokens}
        )
        for t in episodes
    ]


def next_multiplier(multiplier: float, share: float | None, target: float, lr: float) -> float:
    """max(0, multiplier + lr (share - target)); the same where nothing was measured.

    Args:
        multiplier: That of the iteration, at least 0.
        share: Mean share of visual tokens in it; None: not known.
        target: What it should be.
        lr: Step, in reward for a share of 1.
    """
    return multiplier if share is None else max(0.0, multiplier + lr * (share - target))
