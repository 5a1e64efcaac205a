"""Pixels of any Pillow mode to 8-bit RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_RANGES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
"""Largest values of 8, 10, 12, 14 and 16 bits: what cameras and scanners store in 16."""
_UNUSED_ALPHA = ("BMP", "DIB", "CUR", "ICO", "TGA")
"""Formats whose writers often leave the alpha channel at zero and mean no transparency."""
_WHITE = 255


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts any Pillow mode to a new RGB image.

    Alpha and colour keys are laid on white; an alpha that is zero everywhere is none in BMP, ICO
    and TGA. Grey of more than 8 bits is scaled by the data's own range: the smallest of 8, 10, 12,
    14 and 16 bits (float: also 1) that holds its largest value, or that value where none does.
    Where the file says the range (PGM, TIFF with fewer than 16 bits) it is that one.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _wide_grey_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = _with_alpha(image)
        if image.format in _UNUSED_ALPHA and rgba.getchannel("A").getextrema() == (0, 0):
            return rgba.convert("RGB")
        white = Image.new("RGBA", rgba.size, (_WHITE,) * 4)
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def wide_colour_to_rgb(
    image: Image.Image, low: npt.NDArray[np.uint8], key: Any = None
) -> Image.Image:
    """Converts colours of 16 bits a channel, of which Pillow keeps the high bytes.

    They are scaled as grey is, the three channels alike.

    Args:
        image: The high bytes, RGB or RGBA, decoded.
        low: The low bytes, of the same shape.
        key: The colour that is transparent, three numbers of 16 bits; None: none is.
    """
    values = (np.asarray(image).astype(np.uint16) << 8) | low  # (H, W, 3 or 4)
    colours = values[..., :3]
    alpha = (
        np.asarray(image)[..., 3]
        if image.mode == "RGBA"
        else np.full(colours.shape[:2], 255, np.uint8)
    )
    if key is not None:
        alpha = np.where((colours == np.array(key)).all(axis=2), 0, alpha).astype(np.uint8)
    shown = colours[alpha > 0]
    top = _holding(float(shown.max()) if shown.size else 0.0)
    scaled = np.asarray(image)[..., :3] if top == _RANGES[-1] else _scaled(colours, top)
    rgba = Image.fromarray(np.dstack([scaled, alpha]))
    white = Image.new("RGBA", rgba.size, (_WHITE,) * 4)
    return Image.alpha_composite(white, rgba).convert("RGB")


def _with_alpha(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        return image.convert("LA").convert("RGBA")
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        # A key of 16-bit colours, of which only the high bytes are left.
        image = image.copy()
        image.info["transparency"] = tuple(part >> 8 for part in key)
    return image.convert("RGBA")


def _wide_grey_to_rgb(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)  # (H, W)
    key = image.info.get("transparency")
    hidden = values == key if isinstance(key, int) else np.zeros(values.shape, bool)
    peak = float(values.max(initial=0.0, where=~hidden))
    small = image.mode == "F" and peak <= 1.0
    top = 1.0 if small else _declared_top(image) or _holding(peak)
    grey = np.where(hidden, _WHITE, _scaled(values, top)).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _declared_top(image: Image.Image) -> float | None:
    """Largest value that a file says it can hold, where it says so."""
    if image.format == "PPM" and image.mode != "F":
        return _RANGES[-1]  # Pillow has scaled it so
    tags = getattr(image, "tag_v2", None)
    bits = tags.get(258) if tags else None
    return 2.0 ** bits[0] - 1.0 if isinstance(bits, tuple) and 8 < bits[0] < 16 else None


def _holding(peak: float) -> float:
    return next((top for top in _RANGES if peak <= top), peak)


def _scaled(values: npt.NDArray[Any], top: float) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(values * np.float32(255.0 / top)), 0, 255).astype(np.uint8)
