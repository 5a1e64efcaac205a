"""How many visual tokens an image costs, exactly as the model family's processor counts.

Qwen-VL families: sides are rounded to multiples of ``patch * merge``, the area is kept within
``[min_pixels, max_pixels]`` at (nearly) constant aspect ratio, and each merged patch is a token.
The other families are in `vt_env.tokens.tiles`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.tokens.tiles import TILE_FAMILIES, check_tiles

MAX_ASPECT_RATIO = 200
"""Longest side over shortest side that the Qwen-VL processors accept."""


@dataclass(frozen=True)
class TokenFamily:
    """The counting rule of one model family.

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


# Families of any resolution; those of tiles are in `vt_env.tokens.tiles.TILE_FAMILIES`.
FAMILIES: dict[str, TokenFamily] = {
    "qwen2_vl": TokenFamily(14, 2, 56 * 56, 28 * 28 * 1280),
    "qwen2_5_vl": TokenFamily(14, 2, 56 * 56, 28 * 28 * 1280),
    "qwen3_vl": TokenFamily(16, 2, 65536, 16777216),
}


def token_family(name: str) -> TokenFamily:
    """Returns the counting rule called `name`.

    Raises:
        UnknownNameError: If there is none; suggests the closest.
    """
    if name not in FAMILIES:
        raise UnknownNameError("token family", name, {**FAMILIES, **TILE_FAMILIES})
    return FAMILIES[name]


def fit_size(
    family: str,
    width: int,
    height: int,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
) -> tuple[int, int]:
    """Size that the family's processor resizes an image to (transformers' ``smart_resize``).

    Args:
        family: A name in `FAMILIES`.
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        min_pixels: Smallest area, in pixels; None: the family's own.
        max_pixels: Largest area, in pixels; None: the family's own.

    Returns:
        Width and height in pixels, multiples of the family's block.

    Raises:
        ConfigError: If a side is below 1 pixel or the aspect ratio exceeds 200.
    """
    rule = token_family(family)
    low = rule.min_pixels if min_pixels is None else min_pixels
    high = rule.max_pixels if max_pixels is None else max_pixels
    if width < 1 or height < 1:
        raise ConfigError(f"An image of {width}x{height} pixels has no area.")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise ConfigError(
            f"An image of {width}x{height} pixels is too elongated: "
            f"the longer side may be at most {MAX_ASPECT_RATIO} times the shorter one."
        )
    block = rule.block
    # Python's round (half to even), as in the reference processor; a side may come out as 0 here,
    # which the last branch mends.
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


def visual_tokens(
    family: str,
    width: int,
    height: int,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    max_tiles: int | None = None,
) -> int:
    """Visual tokens of a `width` x `height` image, as the family's processor counts them.

    Args:
        family: A name in `FAMILIES` or `TILE_FAMILIES`.
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        min_pixels: Qwen-VL families: smallest area, in pixels; None: the family's own.
        max_pixels: Qwen-VL families: largest area, in pixels; None: the family's own.
        max_tiles: Families of tiles: most tiles; None: the family's own.

    Returns:
        Number of tokens, at least 1.

    Raises:
        UnknownNameError: If there is no such family.
        ConfigError: If a side is below 1 pixel, a limit is not one of the family's, or (Qwen-VL)
            the aspect ratio exceeds 200.
    """
    if family in TILE_FAMILIES:
        refuse_pixel_limits(family, min_pixels, max_pixels)
        check_tiles(width, height, max_tiles)
        return TILE_FAMILIES[family].tokens(width, height, max_tiles)
    block = token_family(family).block
    if max_tiles is not None:
        raise ConfigError(f"max_tiles does not apply to {family!r}, which has no tiles.")
    new_width, new_height = fit_size(family, width, height, min_pixels, max_pixels)
    return (new_width // block) * (new_height // block)


def refuse_pixel_limits(family: str, min_pixels: int | None, max_pixels: int | None) -> None:
    """Raises a `ConfigError` when pixel limits are given to a family of tiles."""
    if min_pixels is not None or max_pixels is not None:
        raise ConfigError(f"min_pixels and max_pixels do not apply to {family!r}; tiles limit it.")


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
