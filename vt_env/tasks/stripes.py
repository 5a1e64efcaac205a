"""Family ``stripes``: one-pixel lines whose direction is provably lost in the low-resolution view.

Lines of period two average to the same grey under any antialiased halving, whichever way they run.
At the border of the patch the filter would ring and give the direction away, so the contrast fades
to the mean grey there; a test asserts that the two directions differ by at most one grey level.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from vt_env.tasks.base import Box, Element, Question

DIRECTIONS = ("horizontal", "vertical")
FADE = 20
"""Width of the border over which the contrast fades, in pixels."""


class StripesTask:
    """A patch of fine lines. Question: which way they run."""

    name = "stripes"

    def draw(self, canvas: Image.Image, box: Box, rng: np.random.Generator) -> Element:
        """Draws one square patch of fine stripes inside `box`."""
        direction = str(rng.choice(DIRECTIONS))
        room = min(box[2] - box[0], box[3] - box[1])
        side = 2 * int(rng.integers(int(room * 0.38), int(room * 0.46) + 1))
        x = box[0] + 2 * int(rng.integers(0, (room - side) // 2 + 1))
        y = box[1] + 2 * int(rng.integers(0, (room - side) // 2 + 1))
        mean = rng.integers(110, 146, size=3)
        contrast = int(rng.integers(40, 61))
        patch = stripes(side, direction, mean, contrast)
        canvas.paste(Image.fromarray(patch), (x, y))
        question = Question("Which way do the stripes run?", direction, "text")
        why = "stripes one pixel wide average to the same grey whichever way they run"
        return Element(self.name, (question,), True, why)


def stripes(side: int, direction: str, mean: np.ndarray, contrast: int) -> np.ndarray:
    """Draws a patch of lines one pixel wide.

    Args:
        side: Side of the patch, in pixels.
        direction: One of `DIRECTIONS`.
        mean: Mean colour, (3,), integers.
        contrast: Grey levels that lines lie above or below the mean at full contrast.

    Returns:
        uint8 array of shape (side, side, 3).
    """
    edge = np.minimum(np.arange(side), np.arange(side)[::-1])  # (side,)
    ramp = np.clip(edge / FADE, 0.0, 1.0)
    smooth = ramp * ramp * (3 - 2 * ramp)
    fade = smooth[:, None] * smooth[None, :]  # (side, side), symmetric
    sign = np.where(np.arange(side) % 2 == 0, 1.0, -1.0)
    wave = sign[:, None] if direction == "horizontal" else sign[None, :]
    levels = np.rint(contrast * fade) * wave  # (side, side)
    patch: np.ndarray = (mean[None, None, :] + levels[:, :, None]).astype(np.uint8)
    return patch
