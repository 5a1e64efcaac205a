"""GRPO as a native RLlib algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from agents.grpo.advantages import (
        ADVANTAGE_ESTIMATORS,
        advantage_estimator,
        finish_groups,
        group_advantages,
    )
    from agents.grpo.algorithm import GRPO, ROLLOUTS, GRPOConfig
    from agents.grpo.env_runner import GRPOEnvRunner
    from agents.grpo.learner import OBJECTIVE, TIMING, GRPOTorchLearner
    from agents.grpo.losses import LOSS_TYPES, BatchSize, LossConfig, TokenBatch, dapo_loss
    from agents.grpo.rl_module import VLMModule
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "agents.grpo.advantages": (
                "ADVANTAGE_ESTIMATORS",
                "advantage_estimator",
                "finish_groups",
                "group_advantages",
            ),
            "agents.grpo.algorithm": (
                "GRPO",
                "ROLLOUTS",
                "GRPOConfig",
            ),
            "agents.grpo.env_runner": ("GRPOEnvRunner",),
            "agents.grpo.learner": (
                "OBJECTIVE",
                "TIMING",
                "GRPOTorchLearner",
            ),
            "agents.grpo.losses": (
                "LOSS_TYPES",
                "BatchSize",
                "LossConfig",
                "TokenBatch",
                "dapo_loss",
            ),
            "agents.grpo.rl_module": ("VLMModule",),
        },
        extra="cpu",
    )

__all__ = [
    "ADVANTAGE_ESTIMATORS",
    "GRPO",
    "LOSS_TYPES",
    "OBJECTIVE",
    "ROLLOUTS",
    "TIMING",
    "BatchSize",
    "GRPOConfig",
    "GRPOEnvRunner",
    "GRPOTorchLearner",
    "LossConfig",
    "TokenBatch",
    "VLMModule",
    "advantage_estimator",
    "dapo_loss",
    "finish_groups",
    "group_advantages",
]
