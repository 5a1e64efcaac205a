"""Advantages of episodes from the rewards of their groups; pure (GRPO, arXiv 2402.03300).

An estimator is given rewards, how to scale, and by name what it asks for beside them: ``terms``,
the rewards term by term, and ``reward_weights``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agents.rollouts.filters import dropped_responses
from agents.rollouts.trajectory import Trajectory
from judges import Registry, check_parameters, kept_in_group
from vt_env import ConfigError, Outcome

ScaleRewards = Literal["group", "batch", "none"]
Rewards = NDArray[np.float64]
"""(groups, generations); NaN where the judge abstained."""
Estimator = Callable[..., Rewards]
"""``estimator(rewards, scale_rewards) -> advantages``, both (groups, generations); NaN where the
judge abstained. With a parameter ``terms`` it is given the reward terms by name too, each of the
same shape, and with a parameter ``reward_weights`` the setting of that name."""
Compare = Callable[[Sequence[Trajectory], Sequence[bool]], Rewards]
"""``compare(episodes, known) -> advantages``, (episodes,): NaN where nothing is known of one."""
ADVANTAGE_ESTIMATORS = Registry[Estimator]("advantage_estimator")
"""Advantage estimators by name."""
EPSILON = 1e-4
"""Added to the standard deviation, as TRL does."""
_EXTRAS = ("terms", "reward_weights")
TERM_WEIGHTS = {"accuracy": 1.0, "format": 0.5, "token_cost": 0.1, "shaping": 0.1}
"""What a spread of 1 in a term is worth to `per_term_advantages`, unless `reward_weights` say."""


@ADVANTAGE_ESTIMATORS.register("grpo")
def group_advantages(rewards: Rewards, scale_rewards: ScaleRewards = "group") -> Rewards:
    """Advantages of groups of episodes that answer the same prompt.

    A = (R - mean_group) / (std + 1e-4) (DeepSeekMath, arXiv 2402.03300; VisionThink Eq. 1-3).

    Args:
        rewards: (groups, generations); NaN where the judge abstained.
        scale_rewards: Divide by the standard deviation of the ``"group"`` or the ``"batch"``, or
            ``"none"`` (Dr. GRPO). Standard deviations are of the sample (n - 1), as torch's are.

    Returns:
        (groups, generations); NaN where the reward is. A group with fewer than two rewards
        compares nothing, so its advantages are 0.
    """
    centred = _centred(rewards)
    if scale_rewards == "none":
        return centred
    if scale_rewards == "batch":
        return centred / (_spread(rewards) + EPSILON)
    known = np.isfinite(rewards)
    squares = np.where(known, centred**2, 0.0).sum(axis=1, keepdims=True)
    spreads = np.sqrt(squares / np.maximum(known.sum(axis=1, keepdims=True) - 1, 1))
    scaled: Rewards = centred / (spreads + EPSILON)
    return scaled


@ADVANTAGE_ESTIMATORS.register("rloo")
def leave_one_out_advantages(rewards: Rewards, scale_rewards: ScaleRewards = "group") -> Rewards:
    """The reward less the mean of the others of the group (RLOO, arXiv 2402.14740).

    A_i = R_i - 1/(n - 1) sum_(j != i) R_j = n/(n - 1) (R_i - mean_group). Divided by nothing but
    with ``"batch"``, by the deviation of all of them (TRL's ``normalize_advantages``).
    """
    counts = np.isfinite(rewards).sum(axis=1, keepdims=True)
    found: Rewards = _centred(rewards) * counts / np.maximum(counts - 1, 1)
    return _whitened(found) if scale_rewards == "batch" else found


@ADVANTAGE_ESTIMATORS.register("reinforce_pp")
def reinforce_pp_advantages(
    rewards: Rewards,
    scale_rewards: ScaleRewards = "group",  # noqa: ARG001 - the batch, always
) -> Rewards:
    """The mean of the group as baseline, the batch as measure (REINFORCE++ baseline, 2501.03262).

    A' = R - mean_group, A = (A' - mean_batch(A')) / (std_batch(A') + 1e-4), over episodes; so it
    is with every `scale_rewards`.
    """
    return _whitened(_centred(rewards))


@ADVANTAGE_ESTIMATORS.register("per_term")
def per_term_advantages(
    rewards: Rewards,
    scale_rewards: ScaleRewards = "group",
    *,
    terms: Mapping[str, Rewards],
    reward_weights: Mapping[str, float] | None = None,
) -> Rewards:
    """Each reward term normalised on its own, then weighed and added (GDPO, arXiv 2601.05242).

    A = sum_n w_n (r_n - mean_group r_n) / (std_group r_n + 1e-4): a price of 0.1 moves an advantage
    by a tenth of what correctness does, in a group that is right throughout too, where `grpo` makes
    the price all there is.

    Args:
        rewards: (groups, generations); NaN where the judge abstained. Only who is known is read.
        scale_rewards: ``"group"``: as above; ``"batch"``: whitened over the batch afterwards, as
            GDPO and TRL's ``normalize_then_sum`` are; ``"none"``: terms are centred and not
            divided, so that their own sizes count, without weights.
        terms: Reward terms by name, (groups, generations) each.
        reward_weights: w by name; others as `TERM_WEIGHTS` has them, else 1.
    """
    known = np.isfinite(rewards)
    weights = {**TERM_WEIGHTS, **(reward_weights or {})}
    total = np.where(known, 0.0, np.nan)
    for name, values in terms.items():
        mine = np.where(known, values, np.nan)
        if scale_rewards == "none":
            total += _centred(mine)
        else:
            total += weights.get(name, 1.0) * group_advantages(mine, "group")
    return _whitened(total) if scale_rewards == "batch" else total


def _centred(rewards: Rewards) -> Rewards:
    """Rewards less the mean of their group; 0 where there is nothing to compare with."""
    known = np.isfinite(rewards)
    counts = known.sum(axis=1, keepdims=True)
    filled = np.where(known, rewards, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    return np.where(known & (counts >= 2), rewards - mean, np.where(known, 0.0, np.nan))


def _spread(values: Rewards) -> float:
    """Standard deviation of all that is known."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if known.size >= 2 else 0.0


def _whitened(values: Rewards) -> Rewards:
    """Less their mean, by their standard deviation, over all that is known."""
    known = values[np.isfinite(values)]
    found: Rewards = (values - (known.mean() if known.size else 0.0)) / (_spread(values) + EPSILON)
    return found


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
    wanted = _extras_of(estimator)
    check_parameters(who, estimator, wanted, positional=2)

    def estimate(
        rewards: Rewards,
        scale_rewards: ScaleRewards,
        *,
        terms: Mapping[str, Rewards] | None = None,
        reward_weights: Mapping[str, float] | None = None,
    ) -> Rewards:
        extras = {"terms": terms or {"reward": rewards}, "reward_weights": reward_weights or {}}
        given = {key: extras[key] for key in wanted}
        found = np.asarray(estimator(rewards.copy(), scale_rewards, **given), np.float64)
        if found.shape != rewards.shape:
            raise ConfigError(
                f"The {who} must give advantages of the shape of the rewards, {rewards.shape}, "
                f"got {found.shape}."
            )
        if not np.isfinite(found[np.isfinite(rewards)]).all():
            raise ConfigError(f"The {who} must give a finite number for every known reward.")
        return np.where(np.isfinite(rewards), found, np.nan)

    return estimate


def _extras_of(estimator: Estimator) -> tuple[str, ...]:
    """Which of the further things an estimator asks for, by its parameters."""
    try:
        parameters = inspect.signature(estimator).parameters
    except (TypeError, ValueError):
        return ()
    return tuple(name for name in _EXTRAS if name in parameters)


def finish_groups(
    trajectories: Sequence[Trajectory],
    num_generations: int,
    shaper: Callable[[Sequence[Outcome]], list[float]],
    scale_rewards: ScaleRewards,
    estimator: Estimator = group_advantages,
    *,
    reward_weights: Mapping[str, float] | None = None,
    drop: Sequence[str] = (),
) -> list[Trajectory]:
    """Adds group shaping to the rewards, and the advantages.

    Args:
        trajectories: Groups one after the other, `num_generations` of each.
        num_generations: Size of a group.
        shaper: Gives each episode of a group an addend to its reward. Where it has a true
            attribute ``sign_guard`` (see `vt_env.group_shaper`), no penalty of it makes the
            advantage of a right answer negative.
        scale_rewards: As for `group_advantages`.
        estimator: Makes advantages of rewards; see `advantage_estimator`.
        reward_weights: For estimators that ask for them.
        drop: Responses that get no advantage: see `agents.rollouts.filters.RESPONSE_FILTERS`.

    Returns:
        The trajectories in order, with the reward term ``shaping`` where it is not 0.
    """
    groups = [
        trajectories[start : start + num_generations]
        for start in range(0, len(trajectories), num_generations)
    ]
    shaped = [t for group in groups for t in shaped_group(group, shaper)]
    known = [k for group in groups for k in _known(group, drop)]
    compare = comparison(num_generations, scale_rewards, estimator, reward_weights)
    values = compare(shaped, known)
    if getattr(shaper, "sign_guard", False):
        values = guarded(values, compare(trajectories, known), [t.outcome for t in trajectories])
    return [
        replace(t, advantage=float(a) if np.isfinite(a) else None)
        for t, a in zip(shaped, values, strict=True)
    ]


def comparison(
    num_generations: int,
    scale_rewards: ScaleRewards,
    estimator: Estimator = group_advantages,
    reward_weights: Mapping[str, float] | None = None,
) -> Compare:
    """Advantages of episodes, groups of `num_generations` one after the other; see `Compare`."""
    extras = _extras_of(estimator)

    def compare(episodes: Sequence[Trajectory], known: Sequence[bool]) -> Rewards:
        rewards = _table([t.reward for t in episodes], known, num_generations)
        found: dict[str, Any] = {"reward_weights": reward_weights or {}}
        if "terms" in extras:
            found["terms"] = {
                name: _table(
                    [t.reward_terms.get(name, 0.0) for t in episodes], known, num_generations
                )
                for name in sorted({name for t in episodes for name in t.reward_terms})
            }
        return estimator(rewards, scale_rewards, **{key: found[key] for key in extras}).reshape(-1)

    return compare


def guarded(shaped: Rewards, plain: Rewards, outcomes: Sequence[Outcome]) -> Rewards:
    """Keeps penalties from making right answers bad ones (the sign reversal of arXiv 2601.14696).

    A = max(A_shaped, min(A_plain, 0)) of a right answer: it may lose all of its advantage to a
    penalty, and no more than it would have lost without. Others keep theirs.

    Args:
        shaped: Advantages with shaping, (episodes,).
        plain: Those without.
        outcomes: What the episodes came to.
    """
    right = np.array([bool(o.correct) for o in outcomes])
    return np.where(right, np.maximum(shaped, np.minimum(plain, 0.0)), shaped)


def shaped_group(
    group: Sequence[Trajectory], shaper: Callable[[Sequence[Outcome]], list[float]]
) -> list[Trajectory]:
    """The episodes of a group, with the reward term ``shaping`` where it is not 0."""
    addends = shaper([t.outcome for t in group])
    return [
        replace(t, reward_terms={**t.reward_terms, "shaping": addend}) if addend else t
        for t, addend in zip(group, addends, strict=True)
    ]


def _known(group: Sequence[Trajectory], drop: Sequence[str]) -> tuple[bool, ...]:
    """Which episodes of a group count in its mean and in the loss.

    An ending without an answer needs no verdict: it is wrong. Only an abstention is unknown.
    """
    dropped = dropped_responses(group, drop)
    return kept_in_group(
        [
            None if gone or t.outcome.correct is None else t.reward
            for t, gone in zip(group, dropped, strict=True)
        ]
    )


def _table(values: Sequence[float], known: Sequence[bool], num_generations: int) -> Rewards:
    """Values of episodes by group, NaN where they are not known."""
    table = np.array([v if k else np.nan for v, k in zip(values, known, strict=True)])
    return table.reshape(-1, num_generations)
