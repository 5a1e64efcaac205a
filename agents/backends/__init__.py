"""Where text comes from: one protocol, several engines."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

from agents.backends.base import (
    TRUNCATIONS,
    Generation,
    GenerationBackend,
    GenerationRequest,
    LoadsSome,
    Sampling,
)
from agents.backends.kept import drop_engine, kept_engine, kept_or_made
from agents.errors import BackendError
from judges import Registry, check_parameters

BACKENDS = Registry[Callable[..., GenerationBackend]]("generation backend")
"""What makes engines, by name: ``factory(model_dir, max_model_len=…, **backend_config)``."""
BACKENDS.register("transformers", "agents.backends.transformers_backend:TransformersBackend")
BACKENDS.register("vllm", "agents.backends.vllm_backend:VLLMBackend")


def check_backend(name: str, **kwargs: Any) -> Callable[..., GenerationBackend]:
    """Returns what makes the engine called `name`, which takes these arguments.

    Raises:
        UnknownNameError: If there is no such engine; suggests the closest.
        ParameterError: If the engine has no such argument; suggests the closest.
    """
    factory = BACKENDS.find(name)
    check_parameters(f"generation backend {name!r}", factory, kwargs, positional=1)
    return factory


def make_backend(
    name: str, model_dir: str | Path, *, images: int | None = None, **kwargs: Any
) -> GenerationBackend:
    """Builds the engine called `name` on a checkpoint directory.

    Args:
        name: A name in `BACKENDS`, or ``module:attribute``.
        model_dir: Hugging Face checkpoint directory.
        images: Most images that a conversation will hold: ``max_images`` of an engine that takes
            it, unless `kwargs` have their own.
        **kwargs: Arguments of the engine, such as ``max_model_len``.

    Returns:
        A new engine; inside `kept_engine` maybe one that was kept, which is as new.

    Raises:
        UnknownNameError: If there is no such engine; suggests the closest.
        ParameterError: If the engine has no such argument; suggests the closest.
        BackendError: If the directory holds no checkpoint.
        ImportError: If the engine's package is not installed; names the extra.
    """
    factory = check_backend(name, **kwargs)
    if images is not None and "max_images" in signature(factory).parameters:
        kwargs = {"max_images": images, **kwargs}
    made = kept_or_made(factory, model_dir, kwargs)
    if not isinstance(made, GenerationBackend):
        raise BackendError(
            f"The generation backend {name!r} made a {type(made).__name__}, which lacks some of "
            "encoder, context_length, generate, load_weights and close."
        )
    return made


__all__ = [
    "BACKENDS",
    "TRUNCATIONS",
    "Generation",
    "GenerationBackend",
    "GenerationRequest",
    "LoadsSome",
    "Sampling",
    "check_backend",
    "drop_engine",
    "kept_engine",
    "make_backend",
]
