"""`EngineSettings`: the model that is played, and the engine that generates its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from agents.tiny import CHECKPOINT
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

MODEL = "engine.model_dir"
"""Path of the model among the settings of a run."""
_EMBEDDED = CHECKPOINT.parts[-3:]


def told_model(folder: str) -> str:
    """A model as it is compared: the embedded one is the same wherever this package lies.

    Args:
        folder: As `EngineSettings.model_dir`, of this machine or another.
    """
    return "/".join(_EMBEDDED) if PurePath(folder).parts[-3:] == _EMBEDDED else folder


@dataclass(frozen=True)
class EngineSettings:
    """A model and its engine; what is None is as the checkpoint has it."""

    model_dir: str = setting(str(CHECKPOINT), "Hugging Face checkpoint directory of the policy.")
    backend: str = setting("vllm", "Generation engine: vllm or transformers.")
    max_new_tokens: int | None = setting(
        None, "Longest turn, in tokens. None: the checkpoint's.", Numbers(1)
    )
    max_model_len: int | None = setting(
        None, "Longest conversation, in tokens. None: the checkpoint's.", Numbers(1)
    )
    backend_config: Mapping[str, Any] = setting({}, "Further arguments of the engine, by name.")

    def __post_init__(self) -> None:
        check_fields(self)
