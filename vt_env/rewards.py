"""All reward arithmetic: terms of an episode, and shaping over a group of episodes.

Everything here is a pure function over plain values. The return of an episode is
``accuracy + format - token cost``; group shapers add what needs the whole group (paper Eq. 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.tokens import prefill_flops

COST_MODES = ("share", "tokens", "flops")


@dataclass(frozen=True)
class RewardConfig:
    """Weights of the per-episode reward terms.

    Attributes:
        accuracy: Reward of a right answer; scaled by the verdict's score. (Paper: 1.)
        format: Reward when every turn keeps the format. (Paper: 0.5.)
        price: Cost of the visual tokens, in units of `cost`. (The paper's penalty is 0.1 a
            request.)
        cost: What `price` is the price of. ``"share"``: one full-resolution pass's worth of
            visual tokens; ``"tokens"``: one visual token; ``"flops"``: the language model's
            FLOPs over one full-resolution pass (`vt_env.tokens.prefill_flops`).
    """

    accuracy: float = 1.0
    format: float = 0.5
    price: float = 0.1
    cost: str = "share"

    def __post_init__(self) -> None:
        for name in ("accuracy", "format", "price"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1e6:
                raise ConfigError(f"rewards.{name} must lie in [0, 1e6], got {value!r}.")
        if self.cost not in COST_MODES:
            raise UnknownNameError("rewards.cost", str(self.cost), COST_MODES)


REWARD_PRESETS: dict[str, RewardConfig] = {
    "priced": RewardConfig(),
    "paper": RewardConfig(price=0.0),
    "accuracy_only": RewardConfig(format=0.0, price=0.0),
}
"""``priced``: tokens cost; ``paper``: the price is left to a group shaper; ``accuracy_only``."""


def reward_config(rewards: str | RewardConfig | Mapping[str, Any]) -> RewardConfig:
    """Returns the preset called `rewards`, the config itself, or one built from some fields.

    Fields that a mapping leaves out are those of ``"priced"``.

    Raises:
        UnknownNameError: If there is no such preset or field.
        ConfigError: If a value is out of range.
    """
    if isinstance(rewards, RewardConfig):
        return rewards
    if isinstance(rewards, Mapping):
        known = [field.name for field in fields(RewardConfig)]
        for key in rewards:
            if key not in known:
                raise UnknownNameError("reward setting", str(key), known)
        return replace(REWARD_PRESETS["priced"], **rewards)
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


def shape_all_penalty(outcomes: Sequence[Outcome], penalty: float = 0.1) -> list[float]:
    """Takes `penalty` from every request (the paper's "all penalty" ablation, Fig. 3)."""
    return [-penalty if outcome.requested else 0.0 for outcome in outcomes]


def direct_share(outcomes: Sequence[Outcome]) -> float | None:
    """Share of a group's correct answers that were given directly (r of paper Eq. 5).

    Returns:
        A number in [0, 1]; None when no answer of the group was correct.
    """
    direct = sum(1 for o in outcomes if o.correct and not o.requested)
    high = sum(1 for o in outcomes if o.correct and o.requested)
    return direct / (direct + high) if direct + high else None


def shape_paper(
    outcomes: Sequence[Outcome], theta: float = 0.2, penalty: float = 0.1
) -> list[float]:
    """Paper Eq. 5: direct answers pay when r < theta, requests pay otherwise.

    A group without a correct answer says nothing about need, so nobody pays in it. Outcomes
    without a verdict are left out of r and pay nothing.
    """
    share = direct_share(outcomes)
    if share is None:
        return [0.0] * len(outcomes)
    pays_request = share >= theta
    return [
        -penalty if o.correct is not None and o.requested == pays_request else 0.0 for o in outcomes
    ]


def shape_released(
    outcomes: Sequence[Outcome], theta: float = 0.2, penalty: float = 0.1
) -> list[float]:
    """The released code's rule, which differs from Eq. 5: only correct answers ever pay.

    A correct request always pays; a correct direct answer pays when 0 < r < theta.
    """
    share = direct_share(outcomes)
    rare_direct = share is not None and 0.0 < share < theta
    return [-penalty if o.correct and (o.requested or rare_direct) else 0.0 for o in outcomes]


def shape_supervised(outcomes: Sequence[Outcome], penalty: float = 0.1) -> list[float]:
    """Takes `penalty` where the decision contradicts a known `needs_high_res` label."""
    return [
        -penalty if o.needs_high_res is not None and o.requested != o.needs_high_res else 0.0
        for o in outcomes
    ]


GROUP_SHAPERS: dict[str, GroupShaper] = {
    "none": shape_none,
    "all_penalty": shape_all_penalty,
    "paper": shape_paper,
    "released": shape_released,
    "supervised": shape_supervised,
}


def group_shaper(name: str, **params: Any) -> Callable[[Sequence[Outcome]], list[float]]:
    """Returns the shaper called `name` with its parameters filled in.

    Raises:
        UnknownNameError: If there is no such shaper.
        ConfigError: If a parameter is not one of the shaper's.
    """
    if name not in GROUP_SHAPERS:
        raise UnknownNameError("group shaper", name, GROUP_SHAPERS)
    shaper = GROUP_SHAPERS[name]
    accepted = shaper.__code__.co_varnames[1 : shaper.__code__.co_argcount]
    for key in params:
        if key not in accepted:
            raise ConfigError(f"Group shaper {name!r} takes {accepted or 'nothing'}, not {key!r}.")
    return lambda outcomes: shaper(outcomes, **params)
