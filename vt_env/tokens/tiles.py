"""Token families that cut an image into square tiles of a fixed size.

InternVL fits the image to a grid of 448-pixel tiles and adds a thumbnail; LLaVA-OneVision pads it
to a grid of 384-pixel tiles, drops the padding's tokens and adds a base view. Both counts equal
those of the processors in transformers.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from vt_env.errors import ConfigError
from vt_env.tokens.family import PixelLimits, Size, check_area, refuse_limits


class _Tiles(ABC):
    """What families of tiles have in common: no bounds in pixels, and a processor of one kind."""

    told: ClassVar[tuple[str, object]]
    """A setting of the processor, and the value that tokens are counted for."""

    @abstractmethod
    def tiled(self, size: Size, max_tiles: int | None = None) -> int:
        """Visual tokens of an image that is cut into at most so many tiles; None: as it is told."""

    def check(self, limits: PixelLimits) -> None:
        """Refuses bounds in pixels."""
        _refuse_pixels(limits.min_pixels, limits.max_pixels)
        if limits.bounds != "each_view":
            raise ConfigError(f"bounds do not apply to {limits.token_family!r}; tiles limit it.")

    def tokens(self, size: Size) -> int:
        """The processor leaves a view as it is, so it counts as any image does."""
        return self.tiled(size)

    def count(self, size: Size, **limits: int | None) -> int:
        """Visual tokens of an image; its limit is max_tiles."""
        _refuse_pixels(limits.get("min_pixels"), limits.get("max_pixels"))
        refuse_limits(limits, ("max_tiles",))
        check_area(size)
        most = limits.get("max_tiles")
        if most is not None and most < 1:
            raise ConfigError(f"max_tiles must be at least 1, got {most}.")
        return self.tiled(size, most)

    def read_processor(self, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Finds out whether images are cut as they are counted; there are no bounds in pixels."""
        name, expected = self.told
        said = settings.get(name, config.get(name, expected))
        if said != expected:
            raise ConfigError(f"{name} is {said!r}; tokens are counted for {expected!r}.")


def _refuse_pixels(min_pixels: int | None, max_pixels: int | None) -> None:
    if min_pixels is not None or max_pixels is not None:
        raise ConfigError(
            "min_pixels and max_pixels do not apply to a token family of tiles; tiles limit it."
        )


@dataclass(frozen=True)
class InternVLTiles(_Tiles):
    """InternVL 2 to 3.5: tiles of 448 pixels, 256 tokens each, and a thumbnail.

    Attributes:
        max_tiles: Most tiles that an image is cut into, the thumbnail not counted.
        tile: Side of a tile, in pixels.
        tile_tokens: Visual tokens of a tile.
    """

    max_tiles: int = 12
    tile: int = 448
    tile_tokens: int = 256
    told: ClassVar = ("max_patches", 12)

    def grid(self, width: int, height: int, max_tiles: int | None = None) -> Size:
        """Columns and rows of the grid whose shape is closest to the image's.

        Of grids equally close, a larger one is taken while the image has more than half its area.
        """
        most = self.max_tiles if max_tiles is None else max_tiles
        best, difference = (1, 1), math.inf
        for columns, rows in _grids(most):
            found = abs(width / height - columns / rows)
            larger = width * height > 0.5 * self.tile * self.tile * columns * rows
            if found < difference or (found == difference and larger):
                best, difference = (columns, rows), found
        return best

    def tiled(self, size: Size, max_tiles: int | None = None) -> int:
        """Visual tokens of an image, its thumbnail included."""
        columns, rows = self.grid(*size, max_tiles)
        tiles = columns * rows
        return self.tile_tokens * (tiles if tiles == 1 else tiles + 1)

    def view_size(self, original: Size, scale: float, limits: PixelLimits) -> Size:  # noqa: ARG002
        """The grid that scale² of the tiles allow, in pixels."""
        columns, rows = self.grid(*original, max(1, round(self.max_tiles * scale * scale)))
        return columns * self.tile, rows * self.tile


@functools.cache
def _grids(most: int) -> tuple[Size, ...]:
    sides = range(1, most + 1)
    grids = [(columns, rows) for columns in sides for rows in sides if columns * rows <= most]
    return tuple(sorted(grids, key=lambda grid: grid[0] * grid[1]))


@dataclass(frozen=True)
class LlavaOneVisionTiles(_Tiles):
    """LLaVA-OneVision (``anyres_max_9``): tiles of 384 pixels, 27 x 27 tokens each.

    Attributes:
        max_tiles: Tiles' worth of tokens above which the grid is interpolated down.
        tile: Side of a tile, in pixels.
        side: Tokens along the side of a tile.
        max_side: Most tiles along each side of the grid.
    """

    max_tiles: int = 9
    tile: int = 384
    side: int = 27
    max_side: int = 6
    told: ClassVar = ("vision_aspect_ratio", "anyres_max_9")

    def grid(self, width: int, height: int) -> Size:
        """Columns and rows of the grid that keeps most of the image's pixels, then wastes least."""
        best, best_kept, best_wasted = (1, 1), 0, math.inf
        for rows in range(1, self.max_side + 1):
            for columns in range(1, self.max_side + 1):
                across, down = columns * self.tile, rows * self.tile
                scale = min(across / width, down / height)
                kept = min(int(width * scale) * int(height * scale), width * height)
                wasted = across * down - kept
                if kept > best_kept or (kept == best_kept and wasted < best_wasted):
                    best, best_kept, best_wasted = (columns, rows), kept, wasted
        return best

    def tiled(self, size: Size, max_tiles: int | None = None) -> int:
        """Visual tokens of an image: the grid without its padding, newlines, the base view."""
        width, height = size
        columns, rows = self.grid(width, height)
        across, down = columns * self.side, rows * self.side
        if width / height > across / down:
            down -= (down - int(round(height * (across / width), 7))) // 2 * 2
        else:
            across -= (across - int(round(width * (down / height), 7))) // 2 * 2
        most = self.max_tiles if max_tiles is None else max_tiles
        ratio = math.sqrt(across * down / (most * self.side**2))
        if ratio > 1.1:
            across, down = int(across // ratio), int(down // ratio)
        return across * down + down + self.side**2

    def view_size(self, original: Size, scale: float, limits: PixelLimits) -> Size:  # noqa: ARG002
        """So much of each side; pixels that no grid can keep are left out."""
        shrink = scale * min(1.0, self.tile * self.max_side / max(original))
        return max(1, round(original[0] * shrink)), max(1, round(original[1] * shrink))
