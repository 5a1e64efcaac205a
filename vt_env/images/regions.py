"""Where a crop lies: from a box in the image last shown to whole pixels of the original."""

from __future__ import annotations

import math
from typing import NamedTuple

from vt_env.images.views import Size
from vt_env.tokens import MAX_ASPECT_RATIO


class Region(NamedTuple):
    """A rectangle of the original image, in its pixels; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The region as whole pixels, which it must consist of."""
        return int(self.left), int(self.top), int(self.right), int(self.bottom)


def crop_region(
    shown: Region, size: Size, box: tuple[float, float, float, float], original: Size
) -> Region | str:
    """Finds the part of the original that a box in the image last shown means.

    Args:
        shown: Region of the original that the image last shown covers.
        size: Width and height of the image last shown, in pixels.
        box: Left, top, right, bottom in pixels of the image last shown; what lies outside of it
            is cut off.
        original: Width and height of the original, in pixels.

    Returns:
        The region, widened to whole pixels and inside the original; or a sentence that says why
        there is none.
    """
    width, height = size
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(float(width), box[2]), min(float(height), box[3])
    if left >= right or top >= bottom:
        return f"The box lies outside of the image, which has {width}x{height} pixels."
    across = (shown.right - shown.left) / width
    down = (shown.bottom - shown.top) / height
    region = Region(
        max(0, math.floor(shown.left + left * across + _SLACK)),
        max(0, math.floor(shown.top + top * down + _SLACK)),
        min(original[0], math.ceil(shown.left + right * across - _SLACK)),
        min(original[1], math.ceil(shown.top + bottom * down - _SLACK)),
    )
    sides = region.right - region.left, region.bottom - region.top
    if min(sides) < 1:
        return "The box is smaller than one pixel of the original."
    if max(sides) > MAX_ASPECT_RATIO * min(sides):
        return f"The box is too elongated; at most {MAX_ASPECT_RATIO} times as long as wide."
    return region


_SLACK = 1e-6
"""Pixels by which rounding may err before a region is widened to the next pixel."""
