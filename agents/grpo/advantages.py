"""Group-relative advantages (GRPO, DeepSeekMath arXiv 2402.03300, Eq. 1-3 of VisionThink); pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.rollouts.trajectory import Trajectory
from judges import Registry, check_parameters, kept_in_group
from vt_env import ConfigError, Outcome

ScaleRewards = Literal["group", "batch", "none"]
Estimator = Callable[[NDArray[np.float64], ScaleRewards], NDArray[np.float64]]
"""``estimator(rewards, scale_rewards) -> advantages``, both (groups, generations); NaN where the
judge abstained."""
ADVANTAGE_ESTIMATORS = Registry[Estimator]("advantage_estimator")
"""Advantage estimators by name."""
EPSILON = 1e-4
"""Added to the standard deviation, as TRL does."""


@ADVANTAGE_ESTIMATORS.register("grpo")
def group_advantages(
    rewards: NDArray[np.float64], scale_rewards: ScaleRewards = "group"
) -> NDArray[np.float64]:
    """Advantages of groups of episodes that answer the same prompt.

    Args:
        rewards: (groups, generations); NaN where the judge abstained.
        scale_rewards: Divide by the standard deviation of the ``"group"`` or the ``"batch"``, or
            ``"none"`` (Dr. GRPO). Standard deviations are of the sample (n - 1), as torch's are.

    Returns:
        (groups, generations); NaN where the reward is. A group with fewer than two rewards
        compares nothing, so its advantages are 0.
    """
    known = np.isfinite(rewards)
    counts = known.sum(axis=1, keepdims=True)
    filled = np.where(known, rewards, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    centred = np.where(known & (counts >= 2), rewards - mean, np.where(known, 0.0, np.nan))
    if scale_rewards == "none":
        return centred
    if scale_rewards == "batch":
        values = rewards[known]
        spread = values.std(ddof=1) if values.size >= 2 else 0.0
        scaled: NDArray[np.float64] = centred / (spread + EPSILON)
        return scaled
    squares = np.where(known, (filled - mean) ** 2, 0.0).sum(axis=1, keepdims=True)
    spreads = np.sqrt(squares / np.maximum(counts - 1, 1))
    result: NDArray[np.float64] = centred / (spreads + EPSILON)
    return result


def advantage_estimator(name: str) -> Estimator:
    """Returns the estimator called `name`, whose results are checked.

    Args:
        name: A name in `ADVANTAGE_ESTIMATORS`, or ``module:attribute``.

    Raises:
        UnknownNameError: If there is no such estimator; suggests the closest.
        ConfigError: If it cannot be called with rewards and `scale_rewards`. What is returned
            raises it too, where the advantages are not a finite number for each reward.
    """
    estimator, who = ADVANTAGE_ESTIMATORS.find(name), f"advantage estimator {name!r}"
    check_parameters(who, estimator, (), positional=2)

    def estimate(rewards: NDArray[np.float64], scale_rewards: ScaleRewards) -> NDArray[np.float64]:
        found = np.asarray(estimator(rewards.copy(), scale_rewards), np.float64)
        if found.shape != rewards.shape:
            raise ConfigError(
                f"The {who} must give advantages of the shape of the rewards, {rewards.shape}, "
                f"got {found.shape}."
            )
        if not np.isfinite(found[np.isfinite(rewards)]).all():
            raise ConfigError(f"The {who} must give a finite number for every known reward.")
        return np.where(np.isfinite(rewards), found, np.nan)

    return estimate


def finish_groups(
    trajectories: Sequence[Trajectory],
    num_generations: int,
    shaper: Callable[[Sequence[Outcome]], list[float]],
    scale_rewards: ScaleRewards,
    estimator: Estimator = group_advantages,
) -> list[Trajectory]:
    """Adds group shaping to the rewards, and the advantages.

    Args:
        trajectories: Groups one after the other, `num_generations` of each.
        num_generations: Size of a group.
        shaper: Gives each episode of a group an addend to its reward.
        scale_rewards: As for `group_advantages`.
        estimator: Makes advantages of rewards; see `advantage_estimator`.

    Returns:
        The trajectories in order, with the reward term ``shaping`` where it is not 0.
    """
    shaped: list[Trajectory] = []
    for start in range(0, len(trajectories), num_generations):
        group = trajectories[start : start + num_generations]
        addends = shaper([t.outcome for t in group])
        shaped += [
            replace(t, reward_terms={**t.reward_terms, "shaping": addend}) if addend else t
            for t, addend in zip(group, addends, strict=True)
        ]
    kept: list[bool] = []
    for start in range(0, len(shaped), num_generations):
        group = shaped[start : start + num_generations]
        # An ending without an answer needs no verdict: it is wrong. Only an abstention is unknown.
        kept += kept_in_group([None if t.outcome.correct is None else t.reward for t in group])
    rewards = np.array([t.reward if k else np.nan for t, k in zip(shaped, kept, strict=True)])
    rewards = rewards.reshape(-1, num_generations)
    advantages = estimator(rewards, scale_rewards).reshape(-1)
    return [
        replace(t, advantage=float(a) if np.isfinite(a) else None)
        for t, a in zip(shaped, advantages, strict=True)
    ]
