"""Settings of the optimiser, and what of them cannot be; no torch is needed to read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from agents.errors import TrainingError
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers

_DECLINING = ("linear", "cosine")


@dataclass(frozen=True)
class OptimizerSettings:
    """Settings of the optimiser; names are those of transformers' trainer, which TRL takes over."""

    weight_decay: float = setting(
        0.01,
        "Decoupled decay of AdamW: a step shrinks matrices by lr times this. Biases and norms are "
        "left alone.",
        Numbers(0, 1),
    )
    lr_scheduler_type: str = setting(
        "cosine",
        "How the learning rate goes after the warm-up: constant, or linear or cosine to 0 at "
        "max_steps.",
        ("constant", *_DECLINING),
    )
    warmup_steps: int = setting(
        0, "Optimiser steps in which the learning rate rises from 0 to lr.", Numbers(0)
    )
    max_steps: int | None = setting(
        None,
        "Optimiser steps of the whole training, for linear and cosine. None: those of the run's "
        "iterations.",
        Numbers(1),
    )
    master_weights: bool = setting(
        True,
        "With a dtype of 16 bits, keep the weights in float32 beside, and step there; without, "
        "steps that are small are lost.",
    )


def check_schedule(config: Any) -> None:
    """Refuses schedules that cannot be.

    Args:
        config: A `GRPOConfig`.

    Raises:
        TrainingError: If the end is not known, lies within the warm-up, or RLlib's kind of schedule
            is asked for as well.
    """
    kind, end = config.lr_scheduler_type, config.max_steps
    if isinstance(config.lr, list) and (kind != "constant" or config.warmup_steps):
        raise TrainingError(
            "lr is a list of steps and rates, a schedule of its own: leave lr_scheduler_type "
            "constant and warmup_steps 0, or give lr as a number."
        )
    if kind in _DECLINING and end is None:
        raise TrainingError(
            f"lr_scheduler_type {kind!r} needs max_steps: after how many optimiser steps the "
            "learning rate is 0."
        )
    if kind in _DECLINING and end <= config.warmup_steps:
        raise TrainingError(
            f"max_steps ({end}) must be larger than warmup_steps ({config.warmup_steps})."
        )


def steps_of(iterations: int, settings: Any) -> int:
    """Optimiser steps of so many iterations.

    Args:
        iterations: Of the whole training.
        settings: `GRPOSettings`, or a `GRPOConfig`.
    """
    episodes: int = settings.num_prompts * settings.num_generations
    minibatches = math.ceil(episodes / (settings.minibatch_size or episodes))
    return iterations * int(settings.num_iterations) * minibatches
