"""Pixels as the model takes them: the Hugging Face image processor, one call a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from PIL import Image

Pixels = NDArray[np.uint8]
"""One RGB image, (height, width, 3)."""


Grid = tuple[int, int, int]
"""Frames of an image, and its patches down and across."""


@dataclass(frozen=True)
class ImageBatch:
    """Distinct images, and the places that they are shown at.

    Attributes:
        patches: Those of the images that were processed, in order, (sum of patches, patch
            dimension), float32.
        grid_thw: (images, 3), int64, on the CPU: frames, and patches down and across.
        tokens: Visual tokens of each image.
        shown: Number of the image shown at each place, in order of the places.
        sources: The images themselves; an image is known by what object it is.
        known: Numbers of the images whose features are at hand: they have no patches here.
    """

    patches: torch.Tensor
    grid_thw: torch.Tensor
    tokens: tuple[int, ...]
    shown: tuple[int, ...]
    sources: tuple[Any, ...] = ()
    known: frozenset[int] = frozenset()

    def to(self, device: torch.device | str) -> ImageBatch:
        """The same with its patches on a device."""
        return replace(self, patches=self.patches.to(device))

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
        self.merge = int(self._processor.merge_size)

    def __call__(
        self, images: Sequence[Image.Image | Pixels], known: Mapping[int, Grid] | None = None
    ) -> ImageBatch:
        """Processes a batch of images, in order; sizes may differ.

        An image that stands in several places as one and the same object is processed once: the
        episodes of a group share theirs.

        Args:
            images: RGB images, or their pixels.
            known: Grids of images that need not be processed, by ``id(image)``.
        """
        import torch

        distinct = {id(image): image for image in images}
        place = {key: number for number, key in enumerate(distinct)}
        grids: dict[int, Any] = {key: (known or {}).get(key) for key in distinct}
        fresh = [key for key, grid in grids.items() if grid is None]
        patches = torch.zeros(0, 0)
        if fresh:
            out = self._processor(
                images=[np.array(distinct[key]) for key in fresh],  # torch wants to write to them
                return_tensors="pt",
                input_data_format="channels_last",
            )
            patches = out["pixel_values"]
            grids.update(zip(fresh, out["image_grid_thw"].tolist(), strict=True))
        grid = torch.tensor(list(grids.values()), dtype=torch.int64).reshape(-1, 3)
        return ImageBatch(
            patches=patches,
            grid_thw=grid,
            tokens=tuple(int(n) for n in grid.prod(dim=1) // self.merge**2),
            shown=tuple(place[id(image)] for image in images),
            sources=tuple(distinct.values()),
            known=frozenset(place[key] for key in place.keys() - set(fresh)),
        )


@dataclass(frozen=True)
class ImageFeatures:
    """What the vision tower makes of one image.

    Attributes:
        pooled: One vector a visual token, (tokens, hidden).
        deepstack: The same from inner blocks of the tower, each (tokens, hidden); Qwen3-VL has
            some.
    """

    pooled: torch.Tensor
    deepstack: tuple[torch.Tensor, ...] = ()


class FeatureCache:
    """Features of images under a tower that does not change, kept with the images themselves."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, Grid, ImageFeatures]] = {}

    def grids(self) -> dict[int, Grid]:
        """Grids of the images at hand, by ``id(image)``."""
        return {key: grid for key, (_, grid, _) in self._found.items()}

    def __contains__(self, image: Any) -> bool:
        return id(image) in self._found

    def get(self, image: Any) -> ImageFeatures:
        """The features of an image at hand."""
        return self._found[id(image)][2]

    def put(self, image: Any, grid: Grid, features: ImageFeatures) -> None:
        """Keeps an image and its features; while it is kept no other can have its identity."""
        self._found[id(image)] = (image, grid, features)

    def clear(self) -> None:
        """Forgets all."""
        self._found.clear()

    def __len__(self) -> int:
        return len(self._found)


def image_features(
    model: Any, images: ImageBatch, cache: FeatureCache | None = None
) -> list[ImageFeatures]:
    """Features of each distinct image: the tower computes it once, wherever it is shown.

    Args:
        model: A Qwen-VL model for conditional generation; gradients of all places add up.
        images: The images.
        cache: What is at hand; what is computed goes there. Its features have no gradient.
    """
    fresh = [n for n in range(len(images.tokens)) if n not in images.known]
    if cache is not None and all(images.sources[n] in cache for n in fresh):
        return [cache.get(source) for source in images.sources]  # another pass over this batch
    found: dict[int, ImageFeatures] = {}
    if fresh:
        tower = model.model.visual
        out = model.model.get_image_features(
            images.patches.to(tower.dtype),
            images.grid_thw[fresh].to(images.patches.device),
            return_dict=True,
        )
        inner = getattr(out, "deepstack_features", None) or ()
        for place, number in enumerate(fresh):
            deepstack = tuple(layer[place] for layer in inner)
            found[number] = ImageFeatures(out.pooler_output[place], deepstack)
    if cache is not None:
        for number, features in found.items():
            frames, down, across = images.grid_thw[number].tolist()
            cache.put(images.sources[number], (frames, down, across), features)
        found |= {number: cache.get(images.sources[number]) for number in images.known}
    return [found[number] for number in range(len(images.tokens))]


def encoder_outputs(features: Sequence[ImageFeatures], shown: Sequence[int]) -> dict[str, Any]:
    """Features at the places where they are shown, as transformers models take them.

    Args:
        features: Those of each distinct image.
        shown: Number of the image shown at each place.

    Returns:
        ``mm_encoder_outputs`` of the model's forward.
    """
    places = [features[number] for number in shown]
    layers = len(places[0].deepstack) if places else 0
    return {
        "image": SimpleNamespace(
            pooler_output=[place.pooled for place in places],
            deepstack_features=[[place.deepstack[n] for place in places] for n in range(layers)],
        )
    }
