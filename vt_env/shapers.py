"""What needs the whole group: shapers add to the rewards of a question's episodes (paper Eq. 5).

A shaper is a pure function over `Outcome`s. One of one's own is registered beside those below:

    @GROUP_SHAPERS.register("scarce")
    def shape_scarce(outcomes, penalty=0.2):
        return [-penalty if outcome.requested else 0.0 for outcome in outcomes]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from judges import Registry, check_parameters
from vt_env.errors import ConfigError
from vt_env.rewards import Outcome, is_finite_number
from vt_env.settings.ranges import check_flag

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


@GROUP_SHAPERS.register("curiosity")
def shape_curiosity(
    outcomes: Sequence[Outcome],
    target: float = 0.3,
    bonus: float = 0.5,
    limit: int = 1,
    penalty: float = 0.05,
) -> list[float]:
    """Pays for asking while a group seldom asks (Pixel Reasoner, arXiv 2505.15966).

    bonus max(target - share that asked, 0) to each who asked, less penalty max(n - limit, 0) for
    the n-th image that was delivered. Defaults are the paper's: H 0.3, alpha 0.5, N 1, beta 0.05.
    """
    asked = sum(o.requested for o in outcomes) / max(1, len(outcomes))
    wonder = bonus * max(target - asked, 0.0)
    return [wonder * o.requested - penalty * max(o.requests - limit, 0) for o in outcomes]


@GROUP_SHAPERS.register("benefit")
def shape_benefit(
    outcomes: Sequence[Outcome], alpha: float = 0.6, gamma: float = 2.0, most: int = 1
) -> list[float]:
    """Pays for asking what asking is worth to the sample (AT-GRPO, AdaTooler-V, arXiv 2512.16918).

    alpha dS exp(-gamma ((n - most) / most)^2) for n images delivered: the benefit dS is accuracy
    after asking less accuracy without, measured beforehand, and negative where asking harms. It
    is the sample's ``tool_benefit``; else 1 or 0 by its label; 0 where there is none.
    """
    return [
        alpha * _benefit(o) * math.exp(-gamma * ((o.requests - most) / most) ** 2) for o in outcomes
    ]


def _benefit(outcome: Outcome) -> float:
    return float(outcome.needs_high_res or 0.0) if outcome.benefit is None else outcome.benefit


@dataclass(frozen=True)
class BoundShaper:
    """A shaper with its parameters filled in, whose results are checked.

    Attributes:
        who: Kind and name, for errors.
        function: The shaper.
        params: Its parameters.
        sign_guard: Whether no penalty of it may make a right answer's advantage negative; who
            makes advantages sees to it, since only they know the mean (`agents.finish_groups`).
    """

    who: str
    function: GroupShaper
    params: Mapping[str, Any]
    sign_guard: bool = False

    def __call__(self, outcomes: Sequence[Outcome]) -> list[float]:
        """One addend an episode, in order.

        Raises:
            ConfigError: If the shaper does not give one finite number an episode.
        """
        found = self.function(outcomes, **self.params)
        addends = list(found) if isinstance(found, Iterable) else []
        if len(addends) != len(outcomes) or not all(map(is_finite_number, addends)):
            raise ConfigError(
                f"The {self.who} must give one finite number an episode, {len(outcomes)} in all; "
                f"got {repr(found)[:80]}."
            )
        return addends


def group_shaper(name: str, *, sign_guard: bool = False, **params: Any) -> BoundShaper:
    """Returns the shaper called `name` with its parameters filled in.

    Args:
        name: A name in `GROUP_SHAPERS`, or ``module:attribute``.
        sign_guard: Whether its penalties may take no more from a right answer than all of its
            advantage; an option of every shaper.
        **params: Its parameters.

    Raises:
        UnknownNameError: If there is no such shaper; suggests the closest.
        ParameterError: If a parameter is not one of the shaper's, or a needed one is missing.
        ConfigError: If a parameter is not finite. The shaper returned raises it too, where it does
            not give one finite number an episode.
    """
    shaper, who = GROUP_SHAPERS.find(name), f"group shaper {name!r}"
    check_parameters(who, shaper, params, positional=1)
    check_flag(f"{who}: sign_guard", sign_guard)
    for key, value in params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"The {who}: {key} is a number, got {value!r}.")

    return BoundShaper(who, shaper, params, sign_guard)
