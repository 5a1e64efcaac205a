"""Token families whose images may have any resolution: Qwen-VL.

Sides are rounded to multiples of ``patch * merge``, the area is kept within ``[min_pixels,
max_pixels]`` at (nearly) constant aspect ratio, and each merged patch is a token.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.tokens.family import (
    MAX_ASPECT_RATIO,
    TOKEN_FAMILIES,
    PixelLimits,
    Size,
    check_area,
    refuse_limits,
    token_family,
)

_PROCESSOR = (56 * 56, 28 * 28 * 1280)
"""Bounds of `Qwen2VLImageProcessor`, which serves every Qwen-VL, where its file has none."""
_EDGES = ("shortest_edge", "longest_edge")


@dataclass(frozen=True)
class BlockFamily:
    """A family that turns each block of pixels into a token; a `vt_env.tokens.TokenFamily`.

    Attributes:
        patch: Side of a vision patch, in pixels.
        merge: Patches a side that are merged into one token.
        min_pixels: Smallest area after resizing, in pixels, unless told otherwise.
        max_pixels: Largest area after resizing, in pixels, unless told otherwise.
    """

    patch: int
    merge: int
    min_pixels: int
    max_pixels: int

    @property
    def block(self) -> int:
        """Side of the square of pixels that one token stands for."""
        return self.patch * self.merge

    def check(self, limits: PixelLimits) -> None:
        """Refuses bounds that are no numbers, cross, hold no token, or exceed the processor's."""
        for name, value in {"min": limits.min_pixels, "max": limits.max_pixels}.items():
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise ConfigError(f"{name}_pixels is a whole number of pixels, got {value!r}.")
        low, high = self.shown(limits)
        if not 1 <= low <= high:
            raise ConfigError(
                f"min_pixels ({low}) must be at least 1 and at most max_pixels ({high})."
            )
        if high < self.block**2:
            raise ConfigError(f"max_pixels must be at least {self.block**2}, one token's area.")
        least, most = self._own(limits)
        if limits.processor is not None and not least <= low <= high <= most:
            raise ConfigError(
                f"min_pixels ({low}) and max_pixels ({high}) must lie in [{least}, {most}], the "
                f"bounds of the checkpoint's processor: it would resize what lies outside again."
            )

    def _own(self, limits: PixelLimits) -> tuple[int, int]:
        """Bounds of the processor."""
        return limits.processor or (self.min_pixels, self.max_pixels)

    def shown(self, limits: PixelLimits) -> tuple[int, int]:
        """Smallest and largest area that the bounds allow, in pixels."""
        least, most = self._own(limits)
        return (
            least if limits.min_pixels is None else limits.min_pixels,
            most if limits.max_pixels is None else limits.max_pixels,
        )

    def kept(self, limits: PixelLimits) -> tuple[int, int]:
        """Smallest and largest area of a view, in pixels."""
        if limits.bounds == "each_view":
            return self.shown(limits)
        least, most = self._own(limits)
        # Rounding to whole tokens may exceed the bound of the full view by a little, and only a
        # processor that is known would make the view smaller again.
        told = limits.processor is None and limits.max_pixels is not None
        return least, sys.maxsize if told else most

    def view_size(self, original: Size, scale: float, limits: PixelLimits) -> Size:
        """Multiples of the block, which the processor leaves alone."""
        if limits.bounds == "full_view":
            width, height = self._bounded(original, limits)
            return self._settled((max(1, int(width * scale)), max(1, int(height * scale))), limits)
        full = self._settled(original, limits)
        if scale == 1.0:
            return full
        width, height = full
        return self._settled((max(1, round(width * scale)), max(1, round(height * scale))), limits)

    def _bounded(self, size: Size, limits: PixelLimits) -> Size:
        """The full view before the processor rounds it: the bounds as the reference has them.

        Sides are cut to whole pixels after each step, the larger bound first (VisionThink,
        ``process_image`` of the released loader).
        """
        width, height = size
        most, least = self.shown(limits)[1], limits.min_pixels
        if width * height > most:
            factor = math.sqrt(most / (width * height))
            width, height = max(1, int(width * factor)), max(1, int(height * factor))
        if least is not None and width * height < least:
            factor = math.sqrt(least / (width * height))
            width, height = int(width * factor), int(height * factor)
        return width, height

    def _settled(self, size: Size, limits: PixelLimits) -> Size:
        """Size that the processor makes of `size` and then leaves alone.

        Once is not always enough: an elongated image can come out larger than the limits allow, or
        more elongated than the processor itself accepts, and would be resized again.
        """
        kept = self.kept(limits)
        seen: list[Size] = []
        while size not in seen:
            seen.append(size)
            size = _compact(self.fit(_compact(size), *kept))
        if size != seen[-1]:
            raise ConfigError(
                f"min_pixels and max_pixels are too close together for an image of "
                f"{seen[0][0]}x{seen[0][1]} pixels."
            )
        return size

    def fit(self, size: Size, min_pixels: int | None = None, max_pixels: int | None = None) -> Size:
        """Size that the processor resizes an image to (transformers' ``smart_resize``).

        Args:
            size: Width and height of the image, in pixels.
            min_pixels: Smallest area, in pixels; None: the family's own.
            max_pixels: Largest area, in pixels; None: the family's own.

        Returns:
            Width and height in pixels, multiples of the family's block.

        Raises:
            ConfigError: If a side is below 1 pixel or the aspect ratio exceeds 200.
        """
        check_area(size)
        width, height = size
        low = self.min_pixels if min_pixels is None else min_pixels
        high = self.max_pixels if max_pixels is None else max_pixels
        if max(size) > MAX_ASPECT_RATIO * min(size):
            raise ConfigError(
                f"An image of {width}x{height} pixels is too elongated: "
                f"the longer side may be at most {MAX_ASPECT_RATIO} times the shorter one."
            )
        block = self.block
        # Python's round (half to even), as in the reference processor; a side may come out as 0
        # here, which the last branch mends.
        new_width, new_height = round(width / block) * block, round(height / block) * block
        if new_width * new_height > high:
            shrink = math.sqrt(width * height / high)
            new_width = max(block, math.floor(width / shrink / block) * block)
            new_height = max(block, math.floor(height / shrink / block) * block)
        elif new_width * new_height < low:
            grow = math.sqrt(low / (width * height))
            new_width = math.ceil(width * grow / block) * block
            new_height = math.ceil(height * grow / block) * block
        return new_width, new_height

    def tokens(self, size: Size) -> int:
        """One a block."""
        return (size[0] // self.block) * (size[1] // self.block)

    def count(self, size: Size, **limits: int | None) -> int:
        """Visual tokens after the processor's resize; its limits are min_pixels and max_pixels."""
        refuse_limits(limits, ("min_pixels", "max_pixels"))
        return self.tokens(self.fit(size, limits.get("min_pixels"), limits.get("max_pixels")))

    def read_processor(
        self,
        settings: Mapping[str, Any],
        config: Mapping[str, Any],  # noqa: ARG002 - the processor's file says it all
    ) -> tuple[int, int]:
        """The bounds that transformers reads: ``min_pixels`` and ``max_pixels``, else ``size``."""
        size = settings.get("size", dict(zip(_EDGES, _PROCESSOR, strict=True)))
        edges: list[Any] = [size.get(edge) if isinstance(size, dict) else None for edge in _EDGES]
        least = settings.get("min_pixels") or edges[0]
        most = settings.get("max_pixels") or edges[1]
        if not (_is_count(least) and _is_count(most) and least <= most):
            raise ConfigError(f"images cannot have between {least!r} and {most!r} pixels.")
        return least, most


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _compact(size: Size) -> Size:
    """Shortens the longer side to the most elongated shape that processors accept."""
    most = MAX_ASPECT_RATIO * min(size)
    return min(size[0], most), min(size[1], most)


def block_family(name: str) -> BlockFamily:
    """The family of blocks called `name`.

    Raises:
        UnknownNameError: If there is none; suggests the closest.
    """
    found = token_family(name)
    if not isinstance(found, BlockFamily):
        blocks = [key for key, family in TOKEN_FAMILIES.items() if isinstance(family, BlockFamily)]
        raise UnknownNameError("token family of any resolution", name, blocks)
    return found


def fit_size(
    model_type: str,
    width: int,
    height: int,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
) -> Size:
    """`BlockFamily.fit` of the family of this name."""
    return block_family(model_type).fit((width, height), min_pixels, max_pixels)


def prefill_flops(tokens: int, layers: int = 28, hidden: int = 3584, ffn: int = 18944) -> float:
    """FLOPs that a language model spends on reading `tokens` tokens (paper, section 2.2).

    ``layers * (4 n d^2 + 2 n^2 d + 2 n d m)`` with n tokens, hidden size d and FFN width m.

    Args:
        tokens: Number of tokens, at least 0.
        layers: Transformer layers; the defaults are those of Qwen2.5-VL-7B.
        hidden: Hidden size.
        ffn: Width of the feed-forward layers.
    """
    n, d, m = tokens, hidden, ffn
    return float(layers * (4 * n * d * d + 2 * n * n * d + 2 * n * d * m))
