"""What each turn of an episode is credited with; pure.

An episode has one advantage, and by default every token that was sampled has it. Here turns get
advantages of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from agents.errors import TrainingError
from agents.grpo.advantages import Compare, Rewards, guarded
from agents.grpo.losses.sequences import ONE_ADVANTAGE
from agents.rollouts.trajectory import Trajectory
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers


@dataclass(frozen=True)
class CreditSettings:
    """Settings of what the turns of an episode are credited with."""

    credit: Literal["trajectory", "turn", "dtpo"] = setting(
        "trajectory",
        "What the advantage of a token is: trajectory, that of its episode; turn, in later turns "
        "by comparison with the members of the group that took as many turns; dtpo, that of the "
        "outcome, and in the first turn that of the decision as well.",
    )
    turn_weight: float = setting(
        0.3, "Of dtpo: weight of the decision's advantage in the first turn.", Numbers(0, 100)
    )
    decision_terms: tuple[str, ...] = setting(
        ("token_cost", "shaping", "budget"),
        "Of dtpo: reward terms that pay for the decision; all others are the outcome's.",
    )


def check_credit(config: Any) -> None:
    """Refuses losses that have no place for an advantage a turn.

    Args:
        config: A `GRPOConfig`.

    Raises:
        TrainingError: Naming the setting that makes the loss one of whole sequences.
    """
    if config.credit == "trajectory":
        return
    why = {
        f"loss_type {config.loss_type!r}": config.loss_type in ONE_ADVANTAGE,
        "importance_sampling_level 'sequence'": config.importance_sampling_level == "sequence",
        "off_policy_mask_threshold": config.off_policy_mask_threshold is not None,
    }
    for name, whole in why.items():
        if whole:
            raise TrainingError(
                f"credit {config.credit!r} gives each turn an advantage, and {name} works on whole "
                "sequences, which have one: leave credit at 'trajectory', or take a loss of tokens "
                "such as dapo, grpo or gspo_token."
            )


def with_turn_advantages(
    done: Sequence[Trajectory],
    size: int,
    compare: Compare,
    settings: Any,
    *,
    sign_guard: bool = False,
) -> list[Trajectory]:
    """Adds what each turn is credited with.

    Args:
        done: Groups one after the other, with shaping and advantages.
        size: Episodes of a group.
        compare: Makes advantages of the rewards of episodes; see `agents.grpo.advantages.Compare`.
        settings: `CreditSettings`, or a `GRPOConfig`.
        sign_guard: Whether shaping makes no turn of a right answer bad; see `guarded`.

    Returns:
        The same in order; those without an advantage have none of their turns either.
    """
    if settings.credit == "trajectory":
        return list(done)

    def turns(episodes: Sequence[Trajectory]) -> tuple[Rewards, Rewards]:
        if settings.credit == "turn":
            return np.array([t.advantage or 0.0 for t in done]), _same_path(episodes, size, compare)
        return _dtpo(episodes, compare, settings.turn_weight, settings.decision_terms)

    first, later = turns(done)
    if sign_guard:
        plain_first, plain_later = turns([_terms(t, without=("shaping",)) for t in done])
        outcomes = [t.outcome for t in done]
        first = guarded(first, plain_first, outcomes)
        later = guarded(later, plain_later, outcomes)
    return [
        t
        if t.advantage is None
        else replace(t, turn_advantages=tuple([float(a), *[float(b)] * n][:n]))
        for t, a, b, n in zip(done, first, later, map(_length, done), strict=True)
    ]


def _length(t: Trajectory) -> int:
    return len(t.tokens_by_turn)


def _same_path(episodes: Sequence[Trajectory], size: int, compare: Compare) -> Rewards:
    """Advantages of later turns: compared are members of a group that took as many turns.

    So an answer is not blamed for the request before it, whose price all of them paid. Fewer than
    two of a kind compare nothing: 0, as in a group with one verdict.
    """
    lengths = np.array([0 if t.advantage is None else _length(t) for t in episodes])
    found = np.zeros(len(episodes))
    for length in sorted({int(n) for n in lengths if n > 1}):
        chosen = (lengths == length).reshape(-1, size)
        several = (chosen & (chosen.sum(axis=1, keepdims=True) >= 2)).reshape(-1)
        if several.any():
            found = np.where(several, compare(episodes, several.tolist()), found)
    return found


def _dtpo(
    episodes: Sequence[Trajectory], compare: Compare, weight: float, decision: Sequence[str]
) -> tuple[Rewards, Rewards]:
    """DTPO (AdaptVision, arXiv 2512.03794): A_outcome + weight A_turn in turn 1, else A_outcome.

    Both compare the group, each with its own terms of the reward.
    """
    known = [t.advantage is not None for t in episodes]
    outcome = compare([_terms(t, without=decision) for t in episodes], known)
    turn = compare([_terms(t, only=decision) for t in episodes], known)
    return outcome + weight * turn, outcome


def _terms(
    t: Trajectory, *, without: Sequence[str] = (), only: Sequence[str] | None = None
) -> Trajectory:
    kept = {
        name: value
        for name, value in t.reward_terms.items()
        if name not in without and (only is None or name in only)
    }
    return replace(t, reward_terms=kept)
