"""All reward arithmetic: terms of an episode, and shaping over a group of episodes.

Everything here is a pure function over plain values. The return of an episode is
``accuracy + format - token cost``; group shapers add what needs the whole group (paper Eq. 5).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.settings.fields import check_fields, check_value, kinds, setting
from vt_env.settings.ranges import Numbers
from vt_env.tokens.qwen import prefill_flops

COST_MODES = ("share", "tokens", "flops")


_WEIGHT = Numbers(0, 1e6)


@dataclass(frozen=True)
class RewardConfig:
    """Weights of the per-episode reward terms."""

    accuracy: float = setting(
        1.0, "Reward of a right answer; scaled by the verdict's score. (Paper: 1.)", _WEIGHT
    )
    format: float = setting(0.5, "Reward when every turn keeps the format. (Paper: 0.5.)", _WEIGHT)
    price: float = setting(
        0.1,
        "Cost of the visual tokens, in units of cost. (The paper's penalty is 0.1 a request.)",
        _WEIGHT,
    )
    cost: str = setting(
        "share",
        "What price is the price of. share: one full-resolution pass's worth of visual tokens; "
        "tokens: one visual token; flops: the language model's FLOPs over one full-resolution pass "
        "(`vt_env.tokens.qwen.prefill_flops`).",
        COST_MODES,
    )

    def __post_init__(self) -> None:
        for name, kind in kinds(RewardConfig).items():
            check_value(f"rewards.{name}", getattr(self, name), kind)


REWARD_PRESETS: dict[str, RewardConfig] = {
    "priced": RewardConfig(),
    "paper": RewardConfig(price=0.0),
    "accuracy_only": RewardConfig(format=0.0, price=0.0),
}
"""``priced``: tokens cost; ``paper``: as the published run, whose price is left to a group shaper;
``accuracy_only``."""
_HELP = {item.name: item.metadata["help"] for item in fields(RewardConfig)}


@dataclass(frozen=True)
class RewardSettings:
    """Rewards as settings have them: a preset, and what differs from it."""

    preset: str = setting(
        "priced",
        "priced: tokens cost; paper: as the published run, whose price is left to a group shaper; "
        "accuracy_only.",
    )
    accuracy: float | None = setting(None, f"{_HELP['accuracy']} None: the preset's.", _WEIGHT)
    format: float | None = setting(None, f"{_HELP['format']} None: the preset's.", _WEIGHT)
    price: float | None = setting(None, f"{_HELP['price']} None: the preset's.", _WEIGHT)
    cost: str | None = setting(None, f"{_HELP['cost']} None: the preset's.", COST_MODES)

    def __post_init__(self) -> None:
        check_fields(self)

    def given(self) -> dict[str, Any]:
        """The rewards as `reward_config` takes them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def untagged_rule(rewards: str | RewardConfig | Mapping[str, Any]) -> str:
    """What a reward preset says of answers without tags, as `EpisodeConfig.untagged_answer`.

    The published run judges them: there a base model, which knows no tags, earns accuracy from the
    first step on.
    """
    preset = rewards.get("preset") if isinstance(rewards, Mapping) else rewards
    return "judge" if isinstance(preset, str) and preset == "paper" else "malformed"


def reward_config(rewards: str | RewardConfig | Mapping[str, Any]) -> RewardConfig:
    """Returns the preset called `rewards`, the config itself, or one built from some fields.

    Fields that a mapping leaves out are those of its ``preset``, ``"priced"`` without one.

    Raises:
        UnknownNameError: If there is no such preset or field.
        ConfigError: If a value is out of range, or `rewards` none of these.
    """
    if isinstance(rewards, RewardConfig):
        return rewards
    if isinstance(rewards, Mapping):
        weights = dict(rewards)
        preset = reward_config(weights.pop("preset", "priced"))
        known = [field.name for field in fields(RewardConfig)]
        for key in weights:
            if key not in known:
                raise UnknownNameError("reward setting", str(key), known)
        return replace(preset, **weights)
    if not isinstance(rewards, str):
        raise ConfigError(f"rewards is a name, a RewardConfig or a mapping, got {rewards!r}.")
    if rewards not in REWARD_PRESETS:
        raise UnknownNameError("reward preset", str(rewards), REWARD_PRESETS)
    return REWARD_PRESETS[rewards]


def token_cost(tokens: int, full_tokens: int, config: RewardConfig, before: int = 0) -> float:
    """Cost of `tokens` visual tokens, as a positive number of reward units.

    Args:
        tokens: Visual tokens delivered.
        full_tokens: Visual tokens of one pass at full resolution, at least 1.
        config: Holds the price and what it is the price of.
        before: Visual tokens of the episode that are paid for already; they matter to FLOPs,
            which grow with the square of the tokens in the context.
    """
    if config.cost == "tokens":
        return config.price * tokens
    if config.cost == "flops":
        new = prefill_flops(before + tokens) - prefill_flops(before)
        return config.price * new / prefill_flops(full_tokens)
    return config.price * tokens / full_tokens


@dataclass(frozen=True)
class Outcome:
    """What an episode came to, as far as group shaping needs to know.

    Attributes:
        correct: Whether the answer was right; None when the judge abstained.
        requested: Whether a higher resolution was delivered.
        well_formed: Whether every turn kept the format.
        needs_high_res: Label of the sample; None when undecided or unknown.
    """

    correct: bool | None
    requested: bool
    well_formed: bool
    needs_high_res: bool | None = None


GroupShaper = Callable[..., list[float]]
"""``shaper(outcomes, **params) -> addends``: one float for each episode of a group, in order."""


def shape_none(outcomes: Sequence[Outcome]) -> list[float]:
    """Adds nothing."""
    return [0.0] * len(outcomes)


def shape_all_penalty(
    outcomes: Sequence[Outcome], penalty: float = 0.1, bonus: float = 0.0
) -> list[float]:
    """Takes `penalty` from every correct request (the paper's "all penalty", section 3.4).

    So does the released code with its ratio at 0. `bonus` as for `shape_released`.
    """
    return [(-penalty if o.correct and o.requested else 0.0) + _bonus(o, bonus) for o in outcomes]


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


GROUP_SHAPERS: dict[str, GroupShaper] = {
    "none": shape_none,
    "all_penalty": shape_all_penalty,
    "every_request": shape_every_request,
    "paper": shape_paper,
    "released": shape_released,
    "supervised": shape_supervised,
}


def group_shaper(name: str, **params: Any) -> Callable[[Sequence[Outcome]], list[float]]:
    """Returns the shaper called `name` with its parameters filled in.

    Raises:
        UnknownNameError: If there is no such shaper.
        ConfigError: If a parameter is not one of the shaper's, or not finite.
    """
    if name not in GROUP_SHAPERS:
        raise UnknownNameError("group shaper", name, GROUP_SHAPERS)
    shaper = GROUP_SHAPERS[name]
    accepted = shaper.__code__.co_varnames[1 : shaper.__code__.co_argcount]
    for key, value in params.items():
        if key not in accepted:
            close = difflib.get_close_matches(key, accepted, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            takes = ", ".join(accepted) or "nothing"
            raise ConfigError(f"Group shaper {name!r} takes {takes}; not {key!r}.{hint}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"Group shaper {name!r}: {key} is a number, got {value!r}.")
    return lambda outcomes: shaper(outcomes, **params)
