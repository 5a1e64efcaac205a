"""Pixels as the model takes them: the Hugging Face image processor, one call a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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


class VisionProcessor:
    """Turns RGB images into patches with the checkpoint's own image processor."""

    def __init__(self, model_dir: str | Path) -> None:
        from agents.compat import prepare_imports

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
