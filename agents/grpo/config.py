"""`GRPOSettings`: every setting of GRPO itself, as `GRPOConfig.training` and the command take them.

A new setting is a field here: from it come the attribute of `GRPOConfig`, its check, the option of
the command, the entry of settings files, and its line in docs/settings.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from agents.engine import EngineSettings
from agents.errors import TrainingError
from agents.grpo.credit import CreditSettings
from agents.grpo.exploration import ExplorationSettings
from agents.grpo.losses import LossConfig
from agents.grpo.schedule import OptimizerSettings
from agents.rollouts.filters import RESPONSE_FILTERS
from vt_env import ConfigError
from vt_env.settings.fields import check_fields, check_value, kinds, setting
from vt_env.settings.ranges import Numbers, check_number

SEED = Numbers(0, 2**32 - 1, whole=True)
"""What NumPy, which RLlib seeds, takes for one."""


FREEZE = ("vision", "*.embed_tokens.*", "*.layers.[0-2].*")
"""What is not trained of the embedded model: what it reads with, so that it forgets nothing."""


@dataclass(frozen=True)
class GRPOSettings(LossConfig, OptimizerSettings, ExplorationSettings, CreditSettings):
    """Settings of GRPO; names are TRL's where TRL has them, RLlib's elsewhere."""

    epsilon: float = setting(
        LossConfig.epsilon, "Lower clip range of the ratio.", Numbers(0, 1, below=True)
    )
    num_prompts: int = setting(24, "Prompts an iteration.", Numbers(1))
    num_generations: int = setting(8, "Episodes a prompt (the group).", Numbers(2))
    num_iterations: int = setting(1, "Optimiser passes over each batch of rollouts.", Numbers(1))
    temperature: float = setting(
        1.0,
        "Sampling temperature of the rollouts; at 0 the episodes of a group are alike.",
        Numbers(0, 2, above=True),
    )
    lr: float = setting(
        8e-4,
        "Learning rate (AdamW). The default is for the embedded model, of which one layer is "
        "trained; for billions of parameters 1e-6 is usual.",
        Numbers(0, 1, above=True, below=True),
    )
    grad_clip: float | None = setting(
        1.0, "Largest norm of the gradient. None: no bound.", Numbers(0, above=True)
    )
    minibatch_size: int | None = setting(
        None,
        "Trajectories an optimiser step, all learners together; groups stay whole. None: all.",
        Numbers(1),
    )
    packing: Literal["tree", "padded"] = setting(
        "tree",
        "What a row of the model's input is. tree: a group, with what its episodes share computed "
        "once; padded: an episode. The figures are the same.",
    )
    micro_batch_nodes: int | None = setting(
        2048,
        "Nodes of trees that go through the model at once, padding included: distinct beginnings "
        "of the episodes of a group. Bounds the memory; a larger group goes in parts. None: all.",
        Numbers(1),
    )
    micro_batch_size: int | None = setting(
        96,
        "With packing padded: trajectories that go through the model at once. None: all.",
        Numbers(1),
    )
    skip_flat_groups: bool = setting(
        False,
        "Compute nothing for groups whose rewards are all equal, not even their KL and entropy "
        "terms; they count in the divisor all the same.",
    )
    freeze: tuple[str, ...] = setting(
        FREEZE,
        "Parameters that are not trained: vision for the whole tower, whose features are then "
        "computed once an image, or patterns over names. The default leaves the last layer and the "
        "head of the embedded model to train; an empty text: all is trained.",
    )
    gradient_checkpointing: bool = setting(
        False, "Compute each layer twice in place of keeping what is inside it: slower, smaller."
    )
    dtype: str = setting("float32", "Name of the torch dtype that is trained in.")
    shaper: str = setting("none", "Group shaper: adds what needs the returns of a whole group.")
    shaper_params: Mapping[str, Any] = setting({}, "Its parameters by name, such as theta.")
    advantage_estimator: str = setting(
        "grpo",
        "What makes advantages of the rewards of groups: grpo (less the group's mean), rloo (less "
        "the mean of the others), reinforce_pp (less the group's mean, then whitened over the "
        "batch), per_term (each reward term normalised on its own), or one of one's own.",
    )
    reward_weights: Mapping[str, Any] = setting(
        {},
        "Of per_term: what a reward term that is normalised counts, by name. Those not named: "
        "accuracy 1, format 0.5, token_cost 0.1, shaping 0.1, others 1.",
    )
    scale_rewards: str = setting(
        "group",
        "What advantages are divided by: the deviation of the group, of the batch, or none.",
        ("group", "batch", "none"),
    )
    mask_truncated_completions: bool = setting(
        False, "Leave turns that were cut off out of the loss."
    )
    drop_responses: tuple[str, ...] = setting(
        (),
        "Responses that are left out of means and loss: duplicate (one before it in the group "
        "wrote the same tokens), empty (it came to no answer). The paper does both.",
        RESPONSE_FILTERS,
    )
    max_abstention_share: float = setting(
        0.2,
        "Training stops when the judge abstains on a larger share of an iteration's worth of "
        "answers.",
        Numbers(0, 1),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, TrainingError)
        check_params(self.shaper_params)
        check_weights(self.reward_weights)


def check_weights(weights: object) -> None:
    """Refuses weights of reward terms that are no finite numbers by name.

    Raises:
        TrainingError: Naming the term.
    """
    if not isinstance(weights, Mapping):
        raise TrainingError(f"reward_weights must be a mapping by name, got {repr(weights)[:80]}.")
    for name, value in weights.items():
        check_number(f"reward_weights: {name}", value, Numbers(0, 1e6), TrainingError)


def check_params(params: object) -> None:
    """Refuses parameters of a shaper that are no mapping by name, or no finite numbers.

    Raises:
        TrainingError: Naming the parameter.
    """
    if not isinstance(params, Mapping):
        raise TrainingError(f"shaper_params must be a mapping by name, got {repr(params)[:80]}.")
    for name, value in params.items():
        number = value is None or isinstance(value, int | float)
        if not number or (isinstance(value, float) and not math.isfinite(value)):
            raise TrainingError(
                f"shaper_params: {name} must be a finite number, got {repr(value)[:80]}."
            )


OWNERS = (GRPOSettings, EngineSettings)
"""Whose fields are the settings of `GRPOConfig.training`, by the same names."""
RLLIB = {"num_env_runners": Numbers(0, whole=True)}
"""Numbers that are checked beside them, of RLlib's own."""
OWN = (*(item.name for owner in OWNERS for item in fields(owner)), "plugins")


def attribute(name: str) -> str:
    """Where `GRPOConfig` has a setting: under its name, unless RLlib has a method of that name."""
    return _ELSEWHERE.get(name, name)


_ELSEWHERE = {"freeze": "frozen_parameters"}


def check_training(settings: Mapping[str, Any]) -> None:
    """Checks those of some settings that are GRPO's; a schedule of learning rates point by point.

    Raises:
        TrainingError: If a value cannot be; ConfigError: the same, of a setting of the loss.
        UnknownNameError: If it is none of the names accepted.
    """
    found = {name: kind for owner in OWNERS for name, kind in kinds(owner).items()}
    for name in found.keys() & settings.keys():
        value = settings[name]
        error = ConfigError if name in _LOSS and name != "epsilon" else TrainingError
        points = [point for _, point in value] if _is_schedule(name, value) else [value]
        for point in points:
            check_value(name, point, found[name], error)
    for name in RLLIB.keys() & settings.keys():
        check_number(name, settings[name], RLLIB[name], TrainingError)
    check_params(settings.get("shaper_params", {}))
    check_weights(settings.get("reward_weights", {}))


_LOSS = {item.name for item in fields(LossConfig)}


def _is_schedule(name: str, value: object) -> bool:
    """Whether a value is RLlib's list of pairs of a step and a learning rate."""
    if name != "lr" or not isinstance(value, list) or not value:
        return False
    return all(isinstance(point, list | tuple) and len(point) == 2 for point in value)
