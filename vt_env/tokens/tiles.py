"""Visual tokens of the families that cut an image into square tiles of a fixed size.

InternVL fits the image to a grid of 448-pixel tiles and adds a thumbnail; LLaVA-OneVision pads it
to a grid of 384-pixel tiles, drops the padding's tokens and adds a base view. Both counts equal
those of the processors in transformers.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from vt_env.errors import ConfigError

Size = tuple[int, int]
"""Width and height."""


@dataclass(frozen=True)
class InternVLTiles:
    """InternVL 2 to 3.5: tiles of 448 pixels, 256 tokens each, and a thumbnail.

    Attributes:
        max_tiles: Most tiles that an image is cut into, the thumbnail not counted.
        tile: Side of a tile, in pixels.
        tile_tokens: Visual tokens of a tile.
    """

    max_tiles: int = 12
    tile: int = 448
    tile_tokens: int = 256

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

    def tokens(self, width: int, height: int, max_tiles: int | None = None) -> int:
        """Visual tokens of an image, its thumbnail included."""
        columns, rows = self.grid(width, height, max_tiles)
        tiles = columns * rows
        return self.tile_tokens * (tiles if tiles == 1 else tiles + 1)

    def shown(self, size: Size, scale: float) -> Size:
        """Size of the view at `scale`: the grid that scale² of the tiles allow, in pixels."""
        columns, rows = self.grid(*size, max(1, round(self.max_tiles * scale * scale)))
        return columns * self.tile, rows * self.tile


@functools.cache
def _grids(most: int) -> tuple[Size, ...]:
    sides = range(1, most + 1)
    grids = [(columns, rows) for columns in sides for rows in sides if columns * rows <= most]
    return tuple(sorted(grids, key=lambda grid: grid[0] * grid[1]))


@dataclass(frozen=True)
class LlavaOneVisionTiles:
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

    def tokens(self, width: int, height: int, max_tiles: int | None = None) -> int:
        """Visual tokens of an image: the grid without its padding, newlines, the base view."""
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

    def shown(self, size: Size, scale: float) -> Size:
        """Size of the view at `scale` of each side; pixels that no grid can keep are left out."""
        shrink = scale * min(1.0, self.tile * self.max_side / max(size))
        return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


TileFamily = InternVLTiles | LlavaOneVisionTiles

TILE_FAMILIES: dict[str, TileFamily] = {
    "internvl": InternVLTiles(),
    "llava_onevision": LlavaOneVisionTiles(),
}


def check_tiles(width: int, height: int, max_tiles: int | None) -> None:
    """Refuses sizes and limits that no tiling can work with.

    Raises:
        ConfigError: If a side is below 1 pixel or `max_tiles` below 1.
    """
    if width < 1 or height < 1:
        raise ConfigError(f"An image of {width}x{height} pixels has no area.")
    if max_tiles is not None and max_tiles < 1:
        raise ConfigError(f"max_tiles must be at least 1, got {max_tiles}.")
