"""`ExplorationSettings`: which groups are played, and how much of them is the policy's choice."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers


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
