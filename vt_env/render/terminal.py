"""An image as coloured characters."""

from __future__ import annotations

import numpy as np
from PIL import Image

_TERMINAL_WIDTH = 64


def terminal_picture(image: Image.Image, columns: int = _TERMINAL_WIDTH) -> str:
    """Draws an image with coloured half blocks, two pixels a character, for 24-bit terminals."""
    rows = max(2, round(image.height * columns / image.width / 2) * 2)
    rows = min(rows, 4 * columns)
    pixels = np.asarray(image.resize((columns, rows), Image.Resampling.BOX))  # (rows, columns, 3)
    lines = []
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        cells = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀"
            for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
