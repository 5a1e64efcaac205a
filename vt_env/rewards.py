"""The reward of an episode: its terms, their weights, and terms of one's own.

The return of an episode is ``accuracy + format - token cost``, and whatever terms of one's own add.
What needs the whole group of a question's episodes is in `vt_env.shapers`.
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from judges import Registry, check_parameters, short_name
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.settings.fields import check_fields, check_value, kinds, setting
from vt_env.settings.ranges import Numbers
from vt_env.tokens import prefill_flops

if TYPE_CHECKING:
    from vt_env.episode import Episode

COST_MODES = ("share", "tokens", "flops")
TERMS = ("accuracy", "format", "token_cost", "shaping")
"""The terms that are always there; the last is what a group shaper adds."""
RewardTerm = Callable[..., float]
"""``term(episode, **params) -> reward``, of a finished `Episode`: its texts, tokens and verdict."""
REWARD_TERMS = Registry[RewardTerm]("reward term")
"""Terms of one's own by name; `RewardConfig.terms` says which of them count."""
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
        "(`vt_env.tokens.prefill_flops`).",
        COST_MODES,
    )

    terms: Mapping[str, Mapping[str, Any]] = setting(
        {},
        "Further terms, over the finished episode: registered names or module:attribute, each with "
        "its parameters. weight (1) is a parameter of every term: what it gives is multiplied by "
        "it.",
        words="tables",
    )

    def __post_init__(self) -> None:
        for name, kind in kinds(type(self)).items():
            check_value(f"rewards.{name}", getattr(self, name), kind)
        _check_terms(self.terms)

    @functools.cached_property
    def own_terms(self) -> dict[str, Callable[[Episode], float]]:
        """The terms of `terms` with their parameters filled in, by the names that records have.

        Raises:
            UnknownNameError: If there is no such term; suggests the closest.
            ParameterError: If a term does not take a parameter, or lacks one.
        """
        found: dict[str, Callable[[Episode], float]] = {}
        for name, params in self.terms.items():
            given = {key: value for key, value in params.items() if key != "weight"}
            function = REWARD_TERMS.find(name)
            check_parameters(f"reward term {name!r}", function, given, positional=1)
            weight = params.get("weight", 1.0)
            found[short_name(name)] = functools.partial(_pay, name, function, given, weight)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: functions are looked up where they are used."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def _check_terms(terms: Mapping[str, object]) -> None:
    """Refuses terms that are not parameters by name, or would have one name in the records."""
    names: list[str] = []
    for name, params in terms.items():
        if not isinstance(params, Mapping):
            raise ConfigError(
                f"rewards.terms gives each term its parameters by name, such as "
                f"{{'brevity': {{'weight': 0.1}}}}; got {repr({name: params})[:80]}."
            )
        weight = params.get("weight", 1.0)
        if not is_finite_number(weight):
            raise ConfigError(f"rewards.terms.{name}.weight is a number, got {weight!r}.")
        if short_name(name) in (*TERMS, *names):
            raise ConfigError(f"rewards.terms: there is a term {short_name(name)!r} already.")
        names.append(short_name(name))


def is_finite_number(value: object) -> bool:
    """Whether a value is a number, and neither NaN nor infinite; flags are none."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and math.isfinite(float(value))  # type: ignore[arg-type]


def _pay(
    name: str,
    function: RewardTerm,
    params: Mapping[str, Any],
    weight: float,
    episode: Episode,
) -> float:
    """What a term gives for a finished episode, weighed."""
    try:
        value = function(episode, **params)
    except Exception as error:
        error.add_note(f"In the reward term {name!r}, sample {episode.sample.sample_id!r}.")
        raise
    if not is_finite_number(value):
        raise ConfigError(
            f"The reward term {name!r} must give a finite number, got {repr(value)[:80]} for the "
            f"sample {episode.sample.sample_id!r}."
        )
    return float(weight) * float(value)


REWARD_PRESETS = Registry[RewardConfig](
    "reward preset", lambda entry: isinstance(entry, RewardConfig), "a RewardConfig"
)
for _name, _preset in {
    "priced": RewardConfig(),
    "paper": RewardConfig(price=0.0),
    "accuracy_only": RewardConfig(format=0.0, price=0.0),
}.items():
    REWARD_PRESETS.register(_name, _preset)
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
    terms: Mapping[str, Mapping[str, Any]] = setting(
        {}, f"{_HELP['terms']} None at all: the preset's.", words="tables"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        _check_terms(self.terms)

    def given(self) -> dict[str, Any]:
        """The rewards as `reward_config` takes them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, {})}


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
        UnknownNameError: If there is no such preset or field; suggests the closest.
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
    return REWARD_PRESETS.find(rewards)


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
        benefit: Accuracy after asking less accuracy without, as the sample says; None: it does not.
        deliveries: Images that were delivered on request; None: one, where `requested`.
    """

    correct: bool | None
    requested: bool
    well_formed: bool
    needs_high_res: bool | None = None
    benefit: float | None = None
    deliveries: int | None = None

    def __post_init__(self) -> None:
        if self.deliveries is None:
            object.__setattr__(self, "deliveries", int(self.requested))

    @property
    def requests(self) -> int:
        """Images that were delivered on request."""
        return self.deliveries or 0
