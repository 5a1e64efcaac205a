"""What needs the whole group: shapers add to the rewards of a question's episodes (paper Eq. 5).

A shaper is a pure function over `Outcome`s. One of one's own is registered beside those below:

    @GROUP_SHAPERS.register("scarce")
    def shape_scarce(outcomes, penalty=0.2):
        return [-penalty if outcome.requested else 0.0 for outcome in outcomes]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from judges import Registry, check_parameters
from vt_env.errors import ConfigError
from vt_env.rewards import Outcome, is_finite_number

GroupShaper = Callable[..., list[float]]
"""``shaper(outcomes, **params) -> addends``: one float for each episode of a group, in order."""
GROUP_SHAPERS = Registry[GroupShaper]("group shaper")
"""Group shapers by name; one of one's own is registered here, or named ``module:attribute``."""


@GROUP_SHAPERS.register("none")
def shape_none(outcomes: Sequence[Outcome]) -> list[float]:
    """Adds nothing."""
    return [0.0] * len(outcomes)


@GROUP_SHAPERS.register("all_penalty")
def shape_all_penalty(
    outcomes: Sequence[Outcome], penalty: float = 0.1, bonus: float = 0.0
) -> list[float]:
    """Takes `penalty` from every correct request (the paper's "all penalty", section 3.4).

    So does the released code with its ratio at 0. `bonus` as for `shape_released`.
    """
    return [(-penalty if o.correct and o.requested else 0.0) + _bonus(o, bonus) for o in outcomes]


@GROUP_SHAPERS.register("every_request")
def shape_every_request(outcomes: Sequence[Outcome], penalty: float = 0.1) -> list[float]:
    """Takes `penalty` from every request, right or wrong."""
    return [-penalty if outcome.requested else 0.0 for outcome in outcomes]


def direct_share(outcomes: Sequence[Outcome]) -> float | None:
    """Share of a group's correct answers that were given directly (r of paper Eq. 5).

    Returns:
        A number in [0, 1]; None when no answer of the group was correct.
    """
    direct, high = _correct_counts(outcomes)
    return direct / (direct + high) if direct + high else None


def _correct_counts(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """How many correct answers were given directly, and how many after a request."""
    correct = [outcome.requested for outcome in outcomes if outcome.correct]
    return correct.count(False), correct.count(True)


@GROUP_SHAPERS.register("paper")
def shape_paper(
    outcomes: Sequence[Outcome],
    theta: float = 0.2,
    penalty: float = 0.1,
    direct_penalty: float | None = None,
) -> list[float]:
    """Paper Eq. 5: direct answers pay when r < theta, requests pay otherwise.

    A group without a correct answer says nothing about need, so nobody pays in it. Outcomes
    without a verdict are left out of r and pay nothing.

    Args:
        outcomes: Those of one group.
        theta: Share of direct answers from which on requests pay, in [0, 1].
        penalty: What a request pays.
        direct_penalty: What a direct answer pays; None: as much.
    """
    share = direct_share(outcomes)
    if share is None:
        return [0.0] * len(outcomes)
    pays_request = share >= theta
    price = penalty if pays_request or direct_penalty is None else direct_penalty
    return [
        -price if o.correct is not None and o.requested == pays_request else 0.0 for o in outcomes
    ]


@GROUP_SHAPERS.register("released")
def shape_released(
    outcomes: Sequence[Outcome],
    theta: float = 0.2,
    penalty: float = 0.1,
    direct_penalty: float | None = None,
    epsilon: float = 1e-4,
    bonus: float = 0.0,
) -> list[float]:
    """The released code's rule, which differs from Eq. 5: only correct answers ever pay.

    A correct request always pays; a correct direct answer pays when 0 < r < theta.

    Args:
        outcomes: Those of one group.
        theta: Share of direct answers from which on they do not pay, in [0, 1].
        penalty: What a request pays.
        direct_penalty: What a direct answer pays; None: as much.
        epsilon: Added to the denominator of r, as the released code does: r = theta counts as
            below theta. 0: r as it is written.
        bonus: Added to every request, right or wrong (there ``use_tool_reward_weight``).
    """
    rare_direct = _is_rare(*_correct_counts(outcomes), theta, epsilon)
    price = {True: penalty, False: (penalty if direct_penalty is None else direct_penalty)}
    return [
        (-price[o.requested] if o.correct and (o.requested or rare_direct) else 0.0)
        + _bonus(o, bonus)
        for o in outcomes
    ]


def _is_rare(direct: int, high: int, theta: float, epsilon: float) -> bool:
    """Whether 0 < r < theta, in single precision, as the released code computes it."""
    if not direct:
        return False
    share = np.float32(direct) / (np.float32(direct + high) + np.float32(epsilon))
    return bool(share < np.float32(theta))


@GROUP_SHAPERS.register("supervised")
def shape_supervised(
    outcomes: Sequence[Outcome], penalty: float = 0.1, strict: bool = True, bonus: float = 0.0
) -> list[float]:
    """Takes `penalty` where the decision contradicts a known `needs_high_res` label.

    The released code's ``supervise_tool_label``. Strict: right or wrong; not strict: the accuracy
    is multiplied by ``1 - penalty``, so that wrong answers pay nothing. `bonus` as for
    `shape_released`.
    """
    return [
        (-penalty if _contradicts(o) and (strict or o.correct) else 0.0) + _bonus(o, bonus)
        for o in outcomes
    ]


def _contradicts(outcome: Outcome) -> bool:
    need = outcome.needs_high_res
    return need is not None and outcome.requested != need


def _bonus(outcome: Outcome, bonus: float) -> float:
    return bonus if outcome.requested else 0.0


def group_shaper(name: str, **params: Any) -> Callable[[Sequence[Outcome]], list[float]]:
    """Returns the shaper called `name` with its parameters filled in.

    Args:
        name: A name in `GROUP_SHAPERS`, or ``module:attribute``.
        **params: Its parameters.

    Raises:
        UnknownNameError: If there is no such shaper; suggests the closest.
        ParameterError: If a parameter is not one of the shaper's, or a needed one is missing.
        ConfigError: If a parameter is not finite. The shaper returned raises it too, where it does
            not give one finite number an episode.
    """
    shaper, who = GROUP_SHAPERS.find(name), f"group shaper {name!r}"
    check_parameters(who, shaper, params, positional=1)
    for key, value in params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"The {who}: {key} is a number, got {value!r}.")

    def shape(outcomes: Sequence[Outcome]) -> list[float]:
        found = shaper(outcomes, **params)
        addends = list(found) if isinstance(found, Iterable) else []
        if len(addends) != len(outcomes) or not all(map(is_finite_number, addends)):
            raise ConfigError(
                f"The {who} must give one finite number an episode, {len(outcomes)} in all; "
                f"got {repr(found)[:80]}."
            )
        return addends

    return shape
