"""How a model is played by `train`, `eval`, `quality` and `label`: settings over its defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agents.models.checkpoints import playable
from agents.ranges import CONTEXT, PIXELS
from vt_env.checkpoints import PlayDefaults
from vt_env.errors import ConfigError
from vt_env.ranges import check_numbers

OPEN = ("prompt", "max_new_tokens", "max_model_len", "min_pixels", "max_pixels", "bounds")
"""Settings that a checkpoint answers where they are None."""


@dataclass(frozen=True)
class PlaySettings:
    """A model and how it is played; what is None is as its checkpoint has it.

    Attributes:
        model: Hugging Face checkpoint directory.
        backend: Generation engine.
        prompt: Prompt template, a name or a TOML file.
        max_new_tokens: Longest turn, in tokens.
        max_model_len: Longest conversation, in tokens.
        min_pixels: Smallest area shown, in pixels.
        max_pixels: Largest area shown, in pixels.
        bounds: What the two hold for, as in `vt_env.images.limits.ImageLimits`.
    """

    model: str
    backend: str = "vllm"
    prompt: str | None = None
    max_new_tokens: int | None = None
    max_model_len: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    bounds: str | None = None

    def __post_init__(self) -> None:
        check_numbers(self, {**CONTEXT, **PIXELS})

    def known(self) -> PlayDefaults:
        """The settings with the checkpoint's own where there were none.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        given = {name: getattr(self, name) for name in OPEN if getattr(self, name) is not None}
        found = replace(playable(self.model).defaults, **given)
        if not 1 <= found.max_new_tokens < found.max_model_len:
            raise ConfigError(
                f"max_new_tokens must be at least 1 and less than max_model_len "
                f"({found.max_model_len}), which holds the prompt too; got {found.max_new_tokens}."
            )
        return found

    def env(self) -> dict[str, Any]:
        """Settings of an environment that shows images to this model."""
        names = ("prompt", "min_pixels", "max_pixels", "bounds")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {"checkpoint": self.model, **given}


def world_settings(data: str, split: str, canvas: int | None) -> dict[str, Any]:
    """Settings of the dataset: split and canvas are the world's alone.

    Raises:
        ConfigError: If a canvas is set for another dataset.
    """
    if data == "world":
        return {"split": split} | ({} if canvas is None else {"canvas": canvas})
    if canvas is not None:
        raise ConfigError(f"canvas is a setting of the embedded world, not of {data!r}.")
    return {}
