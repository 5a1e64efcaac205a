"""Who acts, and who learns: engines, rollouts, GRPO, and the embedded model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from agents.backends import (
        BACKENDS,
        Generation,
        GenerationBackend,
        GenerationRequest,
        Sampling,
        check_backend,
        make_backend,
    )
    from agents.errors import (
        AlignmentError,
        BackendError,
        CheckpointError,
        ProcessEndedError,
        TrainingError,
    )
    from agents.grpo import (
        ADVANTAGE_ESTIMATORS,
        GRPO,
        LOSS_TYPES,
        BatchSize,
        GRPOConfig,
        GRPOEnvRunner,
        LossConfig,
        TokenBatch,
        advantage_estimator,
        dapo_loss,
        finish_groups,
        group_advantages,
    )
    from agents.models import (
        ChatEncoder,
        VisionProcessor,
        check_weights,
        load_model,
        playable,
        prepare_imports,
    )
    from agents.policies import AGENTS, Agent, AgentError, Turn, make_agent
    from agents.rollouts import (
        Decision,
        Force,
        Pass,
        Trajectory,
        Way,
        collect,
        most_images,
        rollout_metrics,
    )
    from agents.tiny import CHECKPOINT
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "agents.backends": (
                "BACKENDS",
                "Generation",
                "GenerationBackend",
                "GenerationRequest",
                "Sampling",
                "check_backend",
                "make_backend",
            ),
            "agents.errors": (
                "AlignmentError",
                "BackendError",
                "CheckpointError",
                "ProcessEndedError",
                "TrainingError",
            ),
            "agents.grpo": (
                "ADVANTAGE_ESTIMATORS",
                "GRPO",
                "LOSS_TYPES",
                "BatchSize",
                "GRPOConfig",
                "GRPOEnvRunner",
                "LossConfig",
                "TokenBatch",
                "advantage_estimator",
                "dapo_loss",
                "finish_groups",
                "group_advantages",
            ),
            "agents.models": (
                "ChatEncoder",
                "VisionProcessor",
                "check_weights",
                "load_model",
                "playable",
                "prepare_imports",
            ),
            "agents.policies": ("AGENTS", "Agent", "AgentError", "Turn", "make_agent"),
            "agents.rollouts": (
                "Decision",
                "Force",
                "Pass",
                "Trajectory",
                "Way",
                "collect",
                "most_images",
                "rollout_metrics",
            ),
            "agents.tiny": ("CHECKPOINT",),
        },
        extra="cpu",
    )

__all__ = [
    "ADVANTAGE_ESTIMATORS",
    "AGENTS",
    "BACKENDS",
    "CHECKPOINT",
    "GRPO",
    "LOSS_TYPES",
    "Agent",
    "AgentError",
    "AlignmentError",
    "BackendError",
    "BatchSize",
    "ChatEncoder",
    "CheckpointError",
    "Decision",
    "Force",
    "GRPOConfig",
    "GRPOEnvRunner",
    "Generation",
    "GenerationBackend",
    "GenerationRequest",
    "LossConfig",
    "Pass",
    "ProcessEndedError",
    "Sampling",
    "TokenBatch",
    "TrainingError",
    "Trajectory",
    "Turn",
    "VisionProcessor",
    "Way",
    "advantage_estimator",
    "check_backend",
    "check_weights",
    "collect",
    "dapo_loss",
    "finish_groups",
    "group_advantages",
    "load_model",
    "make_agent",
    "make_backend",
    "most_images",
    "playable",
    "prepare_imports",
    "rollout_metrics",
]
