"""Loads a Qwen-VL model from a checkpoint directory for training or plain inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.errors import BackendError


def check_model_dir(model_dir: str | Path) -> Path:
    """Returns the directory of a checkpoint.

    Raises:
        BackendError: If it is not a Hugging Face checkpoint directory in safetensors format.
    """
    path = Path(model_dir)
    if not (path / "config.json").is_file():
        raise BackendError(f"{path}: not a checkpoint directory (there is no config.json in it).")
    if not any(path.glob("*.safetensors")):
        raise BackendError(f"{path}: holds no *.safetensors; other weight formats are not loaded.")
    return path


def load_model(model_dir: str | Path, dtype: str = "float32") -> Any:
    """Loads the model in evaluation mode.

    Args:
        model_dir: Hugging Face directory.
        dtype: Name of a torch dtype, such as ``"float32"`` or ``"bfloat16"``.
    """
    from agents.backends.compat import prepare_imports

    prepare_imports()
    import torch
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(
        check_model_dir(model_dir),
        dtype=getattr(torch, dtype),
        trust_remote_code=False,
        use_safetensors=True,
    )
    return model.eval()
