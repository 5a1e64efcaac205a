"""Pixels as the model takes them: the Hugging Face image processor, one call a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from PIL import Image

Pixels = NDArray[np.uint8]
"""One RGB image, (height, width, 3)."""


@dataclass(frozen=True)
class ImageBatch:
    """Distinct processed images, and the places that they are shown at.

    Attributes:
        patches: (sum of patches, patch dimension), float32.
        grid_thw: (images, 3), int64: frames, and patches down and across.
        tokens: Visual tokens of each image.
        shown: Number of the image shown at each place, in order of the places.
    """

    patches: torch.Tensor
    grid_thw: torch.Tensor
    tokens: tuple[int, ...]
    shown: tuple[int, ...]

    def tokens_shown(self) -> int:
        """Visual tokens at all places."""
        return sum(self.tokens[number] for number in self.shown)

    def grid_shown(self) -> torch.Tensor:
        """`grid_thw` of each place, (places, 3)."""
        return self.grid_thw[list(self.shown)]

    def patches_shown(self) -> torch.Tensor:
        """`patches` of each place, one place after the other."""
        import torch

        parts = self.patches.split(self.grid_thw.prod(dim=1).tolist())
        return torch.cat([parts[number] for number in self.shown])


class VisionProcessor:
    """Turns RGB images into patches with the checkpoint's own image processor."""

    def __init__(self, model_dir: str | Path) -> None:
        from agents.models.compat import prepare_imports

        prepare_imports()
        from transformers import AutoImageProcessor

        self._processor: Any = AutoImageProcessor.from_pretrained(
            model_dir, trust_remote_code=False
        )
        self._merge = int(self._processor.merge_size) ** 2

    def __call__(self, images: Sequence[Image.Image | Pixels]) -> ImageBatch:
        """Processes a batch of images, in order; sizes may differ.

        An image that stands in several places as one and the same object is processed once: the
        episodes of a group share theirs.

        Args:
            images: RGB images, or their pixels.
        """
        place = {key: number for number, key in enumerate(dict.fromkeys(map(id, images)))}
        distinct = {id(image): image for image in images}
        out = self._processor(
            images=[np.array(distinct[key]) for key in place],  # torch wants to be able to write
            return_tensors="pt",
            input_data_format="channels_last",
        )
        grid = out["image_grid_thw"]  # (N, 3)
        tokens = tuple(int(n) for n in grid.prod(dim=1) // self._merge)
        shown = tuple(place[id(image)] for image in images)
        return ImageBatch(out["pixel_values"], grid, tokens, shown)


@contextmanager
def seen_once(tower: torch.nn.Module, images: ImageBatch) -> Iterator[None]:
    """Within, the vision tower computes each distinct image once, wherever it is shown.

    The model is given the patches of the distinct images and `ImageBatch.grid_shown`; the episodes
    of a group share their images, so the tower works on a fraction of them. Gradients of all
    places add up.

    Args:
        tower: The vision tower of a Qwen-VL model.
        images: What it is about to see.
    """
    import torch

    parts = torch.arange(sum(images.tokens)).split(list(images.tokens))
    rows = torch.cat([parts[number] for number in images.shown])

    def distinct(_module: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, kwargs | {"grid_thw": images.grid_thw.to(kwargs["grid_thw"].device)}

    def spread(_module: Any, _args: Any, output: Any) -> Any:
        output.pooler_output = output.pooler_output[rows]
        if getattr(output, "deepstack_features", None) is not None:  # Qwen3-VL
            output.deepstack_features = [part[rows] for part in output.deepstack_features]
        return output

    hooks = (
        tower.register_forward_pre_hook(distinct, with_kwargs=True),
        tower.register_forward_hook(spread),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
