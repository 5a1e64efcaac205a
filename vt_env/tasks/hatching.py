"""Hatching: areas of fine lines that are provably lost when each side is halved, and coarse ones.

A pattern is a wave that is added to what lies below it. Fine waves have a period of two pixels and
are projected onto the null space of the very filter that halves images: whatever the pattern, the
halved image is that of the area without it, at the borders of the area too, up to rounding.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from vt_env.tasks.task import Box

PATTERNS = ("horizontal", "vertical", "checkered", "plain")
FINE, COARSE = 2, 8
"""Periods in pixels: the first is lost in the halved image, the second is plain to see."""
MARGIN = 12
"""Pixels around an area that the projection may touch: the filter reaches six."""
SOFTNESS = 2.0
"""Radius in pixels over which the edge of an area is softened."""
Wave = NDArray[np.float64]
_AMPLITUDES: Wave = np.clip(2 * np.arange(256) / 255 - 1, 0, 1)
"""Amplitude of the wave for each level of a blurred mask."""


def even(box: Box) -> Box:
    """A box with its coordinates moved to even numbers, not outwards."""
    left, top, right, bottom = box
    return left + left % 2, top + top % 2, right - right % 2, bottom - bottom % 2


def wave(width: int, height: int, pattern: str, period: int) -> Wave:
    """A pattern of amplitude 1, (height, width), starting at its left top corner.

    Args:
        width: Width, in pixels.
        height: Height, in pixels.
        pattern: One of `PATTERNS`.
        period: Period of the lines, in pixels, even.
    """
    rows = np.where(np.arange(height) // (period // 2) % 2 == 0, 1.0, -1.0)[:, None]
    columns = np.where(np.arange(width) // (period // 2) % 2 == 0, 1.0, -1.0)[None, :]
    if pattern == "horizontal":
        return np.broadcast_to(rows, (height, width)).copy()
    if pattern == "vertical":
        return np.broadcast_to(columns, (height, width)).copy()
    if pattern == "checkered":
        checks: Wave = rows * columns
        return checks
    return np.zeros((height, width))


def soft_edge(width: int, height: int, mask: Image.Image | None = None) -> Wave:
    """Amplitude of the wave in an area and in `MARGIN` pixels around it, in [0, 1].

    It rises over a few pixels inside of the area: the softer the edge, the less the projection has
    to mend there, and the less rounding leaves behind.

    Args:
        width: Width of the area, in pixels.
        height: Height of the area, in pixels.
        mask: Which of its pixels are hatched (mode L, its size); None: all.

    Returns:
        Amplitude, (height + 2 `MARGIN`, width + 2 `MARGIN`); not to be written to.
    """
    return _soft_box(width, height) if mask is None else _softened(mask)


@functools.lru_cache(maxsize=32)
def _soft_box(width: int, height: int) -> Wave:
    return _softened(Image.new("L", (width, height), 255))


def _softened(mask: Image.Image) -> Wave:
    padded = Image.new("L", (mask.width + 2 * MARGIN, mask.height + 2 * MARGIN), 0)
    padded.paste(mask, (MARGIN, MARGIN))
    blurred = np.asarray(padded.filter(ImageFilter.GaussianBlur(SOFTNESS)))
    softened: Wave = _AMPLITUDES[blurred]
    return softened


def lost_in_halving(signal: Wave) -> Wave:
    """The part of a signal that halving by the environment's filter turns to zero.

    Args:
        signal: (height, width), both even, zero in a border of `MARGIN` pixels; its left top corner
            lies at even coordinates of the image.
    """
    height, width = signal.shape
    kept: Wave = _row_space(height) @ signal @ _row_space(width)
    return signal - kept


@functools.lru_cache(maxsize=128)
def _row_space(n: int) -> Wave:
    """Projection onto what halving a line of n pixels keeps, (n, n), symmetric."""
    identity = Image.fromarray(np.eye(n, dtype=np.float32))
    halved = identity.resize((n // 2, n), Image.Resampling.LANCZOS)  # a column for each output
    kernel = np.asarray(halved, dtype=np.float64).T  # (n / 2, n)
    # As pinv(kernel) @ kernel, but faster: the rows are far from dependent.
    projection: Wave = kernel.T @ np.linalg.solve(kernel @ kernel.T, kernel)
    return projection
