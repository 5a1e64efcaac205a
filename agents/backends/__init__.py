"""Where text comes from: one protocol, several engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.backends.base import Generation, GenerationBackend, GenerationRequest, Sampling
from vt_env.errors import UnknownNameError

BACKENDS = ("transformers", "vllm")


def make_backend(name: str, model_dir: str | Path, **kwargs: Any) -> GenerationBackend:
    """Builds the engine called `name` on a checkpoint directory.

    Raises:
        UnknownNameError: If there is no such engine; suggests the closest.
        BackendError: If the directory holds no checkpoint.
        ImportError: If the engine's package is not installed; names the extra.
    """
    if name == "vllm":
        from agents.backends.vllm_backend import VLLMBackend

        return VLLMBackend(model_dir, **kwargs)
    if name == "transformers":
        from agents.backends.transformers_backend import TransformersBackend

        return TransformersBackend(model_dir, **kwargs)
    raise UnknownNameError("generation backend", name, BACKENDS)


__all__ = [
    "BACKENDS",
    "Generation",
    "GenerationBackend",
    "GenerationRequest",
    "Sampling",
    "make_backend",
]
