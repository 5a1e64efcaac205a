"""`ExplorationSettings`: which groups are played, how freely, and what they may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.errors import TrainingError
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers


def check_budget(config: Any) -> None:
    """Refuses a budget whose price would be normalised away.

    Args:
        config: A `GRPOConfig`.

    Raises:
        TrainingError: If each reward term is normalised on its own.
    """
    if config.token_budget is None or config.scale_rewards == "none":
        return
    if config.advantage_estimator == "per_term":
        raise TrainingError(
            "token_budget works through the size of its reward term, which advantage_estimator "
            "'per_term' normalises away: take another one, or scale_rewards 'none'."
        )


@dataclass(frozen=True)
class ExplorationSettings:
    """Settings of what is played to learn from; all of it is off by default."""

    balanced_exploration: float = setting(
        0.0,
        "Share of each group whose first decision is forced in the first iteration, to request and "
        "to answer by turns; at 1 half of a group requests and half answers. Where requests seldom "
        "pay, a policy that stopped asking hears through it what asking brings.",
        Numbers(0, 1),
    )
    balanced_steps: int = setting(
        20, "Iterations over which that share falls to 0, linearly.", Numbers(1)
    )
    dynamic_sampling: bool = setting(
        False,
        "Drop groups whose rewards are all alike, and play further prompts in their place.",
    )
    max_refills: int = setting(
        2,
        "Of dynamic_sampling: how often in an iteration further prompts are played, at most; what "
        "is there then is trained on.",
        Numbers(0),
    )
    token_budget: float | None = setting(
        None,
        "Visual tokens an episode may take on average, as a share of those of a plain "
        "full-resolution pass; a price in the reward rises until it is kept. None: no budget.",
        Numbers(0, 2, above=True),
    )
    budget_lr: float = setting(
        0.1,
        "Of token_budget: what an iteration adds to that price, a unit of share above the budget.",
        Numbers(0, 100, above=True),
    )
