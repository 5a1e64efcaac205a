"""A trained policy as a Hugging Face directory that plays as it was trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from agents.models.checkpoints import load_model, playable
from vt_env import PromptTemplate, write_defaults

_BOUNDS = ("min_pixels", "max_pixels", "bounds")
_PROCESSOR_FILES = (
    "tokenizer", "vocab", "merges", "added_tokens", "special_tokens", "chat_template",
    "preprocessor", "processor", "video_preprocessor",
)  # fmt: skip


def save_policy(weights: Mapping[str, Any], config: Any, directory: Path) -> None:
    """Writes a policy next to the tokenizer and processor of the checkpoint that it came from.

    What it was trained with (prompt, limits, pixel bounds) goes with it, as its defaults.

    Args:
        weights: The policy's tensors by name, as the learner has them.
        config: The `GRPOConfig` of the training.
        directory: Created if need be.
    """
    source = Path(config.model_dir)
    model = load_model(source, config.dtype)
    model.load_state_dict({k: torch.as_tensor(v) for k, v in weights.items()}, strict=True)
    model.save_pretrained(directory)
    for path in source.iterdir():
        if path.name.startswith(_PROCESSOR_FILES):
            shutil.copyfile(path, directory / path.name)
    _write_defaults(config, directory)


def _write_defaults(config: Any, directory: Path) -> None:
    own, env = playable(config.model_dir).defaults, config.env_config
    prompt = env.get("prompt") or own.prompt
    given = {name: env[name] for name in _BOUNDS if env.get(name) is not None}
    defaults = replace(
        own,
        prompt=own.prompt if isinstance(prompt, PromptTemplate) else str(prompt),
        max_new_tokens=config.max_new_tokens,
        max_model_len=config.max_model_len,
        **given,
    )
    template = prompt if isinstance(prompt, PromptTemplate) else None
    write_defaults(directory, defaults, template)
