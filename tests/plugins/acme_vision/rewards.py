"""A reward term, a preset that uses it, and a group shaper."""

from __future__ import annotations

from collections.abc import Sequence

from vt_env import GROUP_SHAPERS, REWARD_PRESETS, REWARD_TERMS, Episode, Outcome, RewardConfig


@REWARD_TERMS.register("acme_brevity")
def acme_brevity(episode: Episode, limit: int = 16) -> float:
    """The share of a turn's tokens that the policy left unused, 1 at best."""
    tokens = sum(map(len, episode.turn_tokens))
    return 1.0 - tokens / (limit * episode.turn)


REWARD_PRESETS.register(
    "acme", RewardConfig(price=0.2, terms={"acme_brevity": {"weight": 0.25, "limit": 16}})
)


@GROUP_SHAPERS.register("acme_fee")
def acme_fee(outcomes: Sequence[Outcome], fee: float = 0.125) -> list[float]:
    """Every episode pays; groups are compared among themselves, so it changes no advantage."""
    return [-fee for _ in outcomes]
