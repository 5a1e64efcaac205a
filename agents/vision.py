"""Pixels as the model takes them: the Hugging Face image processor, one call a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agents.backends.loading import check_model_dir
from agents.errors import BackendError
from vt_env.tokens import FAMILIES

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]
"""One RGB image, (height, width, 3)."""


@dataclass(frozen=True)
class ImageBatch:
    """Processed images.

    Attributes:
        patches: (sum of patches, patch dimension), float32.
        grid_thw: (images, 3), int64: frames, and patches down and across.
        tokens: Visual tokens of each image, in order.
    """

    patches: torch.Tensor
    grid_thw: torch.Tensor
    tokens: tuple[int, ...]


def checkpoint_limits(model_dir: str | Path) -> dict[str, Any]:
    """How the checkpoint's processor sizes images, as settings of the environment.

    Returns:
        ``token_family``, ``min_pixels`` and ``max_pixels``.

    Raises:
        BackendError: If the directory holds no Qwen-VL checkpoint with a processor.
    """
    path = check_model_dir(model_dir)
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        processor = json.loads((path / "preprocessor_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(
            f"{path}: cannot read config or preprocessor_config ({error})."
        ) from error
    family = config.get("model_type")
    if family not in FAMILIES:
        raise BackendError(f"{path}: model type {family!r} is none of {', '.join(FAMILIES)}.")
    size = processor.get("size", {})
    return {
        "token_family": family,
        "min_pixels": processor.get("min_pixels", size.get("shortest_edge")),
        "max_pixels": processor.get("max_pixels", size.get("longest_edge")),
    }


class VisionProcessor:
    """Turns RGB images into patches with the checkpoint's own image processor."""

    def __init__(self, model_dir: str | Path) -> None:
        from agents.backends.compat import prepare_imports

        prepare_imports()
        from transformers import AutoImageProcessor

        self._processor: Any = AutoImageProcessor.from_pretrained(
            model_dir, trust_remote_code=False
        )
        self._merge = int(self._processor.merge_size) ** 2

    def __call__(self, images: Sequence[Pixels]) -> ImageBatch:
        """Processes a batch of images, in order; sizes may differ."""
        out = self._processor(
            images=list(images), return_tensors="pt", input_data_format="channels_last"
        )
        grid = out["image_grid_thw"]  # (N, 3)
        tokens = tuple(int(n) for n in grid.prod(dim=1) // self._merge)
        return ImageBatch(out["pixel_values"], grid, tokens)
