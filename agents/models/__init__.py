"""A checkpoint and what it says of itself: loading, chat template, vision inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from agents.models.chat import ChatEncoder, load_tokenizer
    from agents.models.checkpoints import check_model_dir, check_weights, load_model, playable
    from agents.models.compat import prepare_imports
    from agents.models.vision import ImageBatch, VisionProcessor
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "agents.models.chat": (
                "ChatEncoder",
                "load_tokenizer",
            ),
            "agents.models.checkpoints": (
                "check_model_dir",
                "check_weights",
                "load_model",
                "playable",
            ),
            "agents.models.compat": ("prepare_imports",),
            "agents.models.vision": (
                "ImageBatch",
                "VisionProcessor",
            ),
        },
        extra="cpu",
    )

__all__ = [
    "ChatEncoder",
    "ImageBatch",
    "VisionProcessor",
    "check_model_dir",
    "check_weights",
    "load_model",
    "load_tokenizer",
    "playable",
    "prepare_imports",
]
