"""The numbers that settings of training and generation may have, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agents.errors import TrainingError
from vt_env import ConfigError
from vt_env.ranges import Numbers, check_number

_COUNT = Numbers(1, whole=True)
_MORE = Numbers(0, whole=True)

SAMPLING = {"temperature": Numbers(0, 2), "max_new_tokens": _COUNT, "seed": _MORE}
"""Settings of `agents.backends.Sampling`."""

_OPEN = Numbers(1, whole=True, optional=True)
CONTEXT = {"max_new_tokens": _OPEN, "max_model_len": _OPEN}
"""Longest turn and longest conversation, in tokens; None: as the checkpoint has it."""
PIXELS = {"min_pixels": _OPEN, "max_pixels": _OPEN}
"""Bounds of the images shown; None: as the checkpoint has it."""

SEED = Numbers(0, 2**32 - 1, whole=True)
"""What NumPy, which RLlib seeds, takes for one."""

LOSS = {
    "epsilon": Numbers(0, 100),
    "epsilon_high": Numbers(0, 100, optional=True),
    "beta": Numbers(0, 1000),
    "max_completion_length": _COUNT,
    "vllm_importance_sampling_cap": Numbers(0, 1e6, above=True),
    "entropy_coef": Numbers(0, 1000),
}
"""Settings of `agents.grpo.loss.LossConfig`."""

TRAINING = {
    **CONTEXT,
    "num_prompts": _COUNT,
    "num_generations": Numbers(2, whole=True),
    "num_iterations": _COUNT,
    "temperature": Numbers(0, 2, above=True),
    "epsilon": Numbers(0, 1, below=True),
}
"""Settings of GRPO beside those of the loss. At temperature 0 the episodes of a group are alike; a
lower clip range of 1 clips nothing."""

RLLIB = {
    "lr": Numbers(0, 1, above=True, below=True),
    "grad_clip": Numbers(0, above=True, optional=True),
    "minibatch_size": Numbers(1, whole=True, optional=True),
    "micro_batch_size": Numbers(1, whole=True, optional=True),
    "num_env_runners": _MORE,
}
"""Settings that RLlib has too, and those that are None when there is no bound."""

RUN = {
    **TRAINING,
    **{name: LOSS[name] for name in ("beta", "epsilon_high")},
    "seed": SEED,
    "iterations": _COUNT,
    "checkpoint_every": _COUNT,
    "lr": RLLIB["lr"],
    "eval_samples": _MORE,
    "num_env_runners": _MORE,
    "threads": _MORE,
    "micro_batch_size": _MORE,
    **PIXELS,
    "canvas": _OPEN,
}
"""Settings of a run from the command line, where `micro_batch_size` 0 means no bound."""


def check_training(settings: Mapping[str, Any]) -> None:
    """Checks the numbers among settings of GRPO; a schedule of learning rates point by point.

    Raises:
        TrainingError: If a number is none, or out of range; ConfigError: of a setting of the loss.
    """
    ranges = {**LOSS, **RLLIB, **TRAINING}
    for name in ranges.keys() & settings.keys():
        value = settings[name]
        points = [point for _, point in value] if _is_schedule(name, value) else [value]
        for point in points:
            check_number(name, point, ranges[name], ConfigError if name in LOSS else TrainingError)
    shaper = settings.get("shaper_params", {})
    if not isinstance(shaper, Mapping):
        raise TrainingError(f"shaper_params must be a mapping by name, got {repr(shaper)[:80]}.")
    for name, value in shaper.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise TrainingError(f"shaper_params: {name} must be a finite number, got {value}.")


def _is_schedule(name: str, value: object) -> bool:
    """Whether a value is RLlib's list of pairs of a step and a learning rate."""
    if name != "lr" or not isinstance(value, list) or not value:
        return False
    return all(isinstance(point, list | tuple) and len(point) == 2 for point in value)
