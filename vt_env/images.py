"""Where pixels come from, and the resolution ladder; every level is cut from the original."""

from __future__ import annotations

import struct
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image, UnidentifiedImageError

from vt_env.errors import ConfigError, ImageError
from vt_env.tiles import TILE_FAMILIES
from vt_env.tokens import MAX_ASPECT_RATIO, fit_size, refuse_pixel_limits, token_family

Size = tuple[int, int]
"""Width and height, in pixels."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
"""File formats that are read; others that Pillow knows can run programs or are rarely sound."""
MAX_IMAGE_PIXELS = 64_000_000
MAX_IMAGE_BYTES = 256 * 2**20

_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_QUIET = threading.Lock()
"""Held while Python's warning filters are changed, which is not safe between threads."""


@runtime_checkable
class ImageSource(Protocol):
    """Something that can give an RGB image, decoding it only when asked."""

    @property
    def name(self) -> str:
        """What to call the image in logs and errors."""
        ...

    def size(self) -> Size:
        """Width and height in pixels, orientation applied, without a full decode if possible."""
        ...

    def load(self) -> Image.Image:
        """Decodes the whole image to mode RGB, orientation applied.

        Raises:
            ImageError: If it is missing, unreadable or over the limits.
        """
        ...


@runtime_checkable
class ReducibleSource(ImageSource, Protocol):
    """An image source that can decode a smaller image faster than the whole one."""

    def load_reduced(self, at_least: Size) -> Image.Image:
        """Decodes to RGB at a size between `at_least` and the original's.

        Raises:
            ImageError: If it is missing, unreadable or over the limits.
        """
        ...


@dataclass(frozen=True)
class MemoryImage:
    """An image already in memory."""

    image: Image.Image
    name: str = "memory"

    def size(self) -> Size:
        """Width and height, in pixels."""
        return self.image.size

    def load(self) -> Image.Image:
        """The image in mode RGB."""
        return to_rgb(self.image)


@dataclass(frozen=True)
class FileImage:
    """An image file, opened on use.

    Attributes:
        path: The file; of a format in `FORMATS`, told by its bytes, not by its name.
        max_image_pixels: Images with more pixels are refused before decoding.
        max_image_bytes: Files with more bytes are refused before opening.
    """

    path: Path
    max_image_pixels: int = MAX_IMAGE_PIXELS
    max_image_bytes: int = MAX_IMAGE_BYTES

    @property
    def name(self) -> str:
        """The path as text."""
        return str(self.path)

    def size(self) -> Size:
        """Width and height in pixels with EXIF orientation applied; reads the header only.

        Raises:
            ImageError: If the file is missing, no image, or over the limits.
        """
        with self._open() as image:
            width, height = image.size
            turned = _orientation(image) in _SIDEWAYS
        return (height, width) if turned else (width, height)

    def load(self) -> Image.Image:
        """Decodes the first frame to RGB with EXIF orientation applied.

        Raises:
            ImageError: If it is missing, unreadable, truncated or over the limits.
        """
        with self._open() as image:
            return self._decode(image)

    def load_reduced(self, at_least: Size) -> Image.Image:
        """Decodes a JPEG at a half, a quarter or an eighth when that is `at_least` as large.

        Other formats are decoded whole.

        Raises:
            ImageError: If it is missing, unreadable, truncated or over the limits.
        """
        with self._open() as image:
            sideways = _orientation(image) in _SIDEWAYS
            image.draft("RGB", at_least[::-1] if sideways else at_least)
            return self._decode(image)

    def check(self, decode: bool = True) -> None:
        """Finds out whether `load` will work and the image can be shown.

        Args:
            decode: Whether the pixels are decoded too (JPEG: at an eighth of the size, which
                reads all of the file); else only the header is read.

        Raises:
            ImageError: If the image cannot be used; the message says why.
        """
        width, height = self.size()
        if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
            raise ImageError(f"{self.path}: {elongated((width, height))}")
        if decode:
            with self._open() as image:
                image.draft("RGB", (1, 1))
                self._decode(image)

    def _decode(self, image: Image.Image) -> Image.Image:
        try:
            image.load()
            orientation = _orientation(image)
            upright = to_rgb(image)
        except Exception as error:  # Pillow's decoders raise whatever hostile bytes lead to
            raise ImageError(f"{self.path}: cannot be decoded ({error}).") from error
        turn = _TURNS.get(orientation)
        return upright if turn is None else upright.transpose(turn)

    def _open(self) -> Image.Image:
        try:
            if not self.path.is_file():
                raise ImageError(f"{self.path}: no such image file.")
            length = self.path.stat().st_size
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.path}: cannot be a file ({error}).") from error
        if length > self.max_image_bytes:
            raise ImageError(
                f"{self.path}: {length} bytes exceed the limit of {self.max_image_bytes} bytes."
            )
        try:
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(self.path, formats=FORMATS)
        except UnidentifiedImageError as error:
            known = ", ".join(FORMATS)
            raise ImageError(f"{self.path}: not an image that can be read ({known}).") from error
        except Exception as error:  # Pillow's parsers raise whatever hostile bytes lead to
            raise ImageError(f"{self.path}: cannot be opened ({error}).") from error
        if image.width * image.height > self.max_image_pixels:
            image.close()
            raise ImageError(
                f"{self.path}: {image.width}x{image.height} pixels exceed the limit of "
                f"{self.max_image_pixels} pixels."
            )
        return image


def _orientation(image: Image.Image) -> int:
    """EXIF orientation that is still to be applied; 1 when there is none or it is unreadable."""
    if image.format == "TIFF":
        return 1  # Pillow applies a TIFF's orientation itself, to its size as to its pixels
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = image.getexif().get(_ORIENTATION_TAG, 1)
        except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error):
            return 1  # broken metadata of a sound image
    return value if isinstance(value, int) else 1


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts any Pillow mode to a new RGB image.

    Alpha and colour keys are laid on white. 16-bit grey is scaled from 65535 to 255; 32-bit and
    float grey from the smallest of 1 (float only), 255, 65535 and the largest value that holds it.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _wide_grey_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _wide_grey_to_rgb(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)  # (H, W)
    top = 65535.0
    if image.mode in ("I", "F"):
        peak = float(values.max())
        tops = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        top = next((limit for limit in tops if peak <= limit), peak)
    grey = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


@dataclass(frozen=True)
class ImageLimits:
    """How large the image is that a policy gets to see, and who counts its tokens.

    Attributes:
        family: Token family of the model, a name in `vt_env.tokens.FAMILIES` or, without pixel
            limits, in `vt_env.tiles.TILE_FAMILIES`.
        min_pixels: Smallest area shown, in pixels; None: the family's own.
        max_pixels: Largest area shown (that of full resolution), in pixels; None: the family's.
    """

    family: str = "qwen2_5_vl"
    min_pixels: int | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        if self.family in TILE_FAMILIES:
            refuse_pixel_limits(self.family, self.min_pixels, self.max_pixels)
            return
        rule = token_family(self.family)
        low = rule.min_pixels if self.min_pixels is None else self.min_pixels
        high = rule.max_pixels if self.max_pixels is None else self.max_pixels
        if not 1 <= low <= high:
            raise ConfigError(
                f"min_pixels ({low}) must be at least 1 and at most max_pixels ({high})."
            )
        if high < rule.block**2:
            raise ConfigError(f"max_pixels must be at least {rule.block**2}, one token's area.")


def elongated(size: Size) -> str:
    """Says that an image is too long for its width to be shown."""
    return (
        f"{size[0]}x{size[1]} pixels are too elongated; the longer side may be at most "
        f"{MAX_ASPECT_RATIO} times the shorter one."
    )


def shown_size(original: Size, scale: float, limits: ImageLimits) -> Size:
    """Size of an image as shown at `scale`, already rounded as the model's processor rounds it.

    Args:
        original: Width and height of the original, in pixels.
        scale: Share of each side of the full-resolution view, in (0, 1].
        limits: Bounds on the area, and the token family.

    Returns:
        Width and height, in pixels; for Qwen-VL multiples of the family's block.

    Raises:
        ImageError: If the original is more than 200 times as long as wide.
        ConfigError: If the limits are so close together that no size settles between them.
    """
    if max(original) > MAX_ASPECT_RATIO * min(original):
        raise ImageError(elongated(original))
    if limits.family in TILE_FAMILIES:
        return TILE_FAMILIES[limits.family].shown(original, scale)
    full = _settled(original, limits)
    if scale == 1.0:
        return full
    return _settled((max(1, round(full[0] * scale)), max(1, round(full[1] * scale))), limits)


def _settled(size: Size, limits: ImageLimits) -> Size:
    """Size that the processor makes of `size` and then leaves alone.

    Once is not always enough: an elongated image can come out larger than the limits allow, or
    more elongated than the processor itself accepts, and would be resized again.
    """
    seen: list[Size] = []
    while size not in seen:
        seen.append(size)
        width, height = fit_size(
            limits.family, *_compact(size), limits.min_pixels, limits.max_pixels
        )
        size = _compact((width, height))
    if size != seen[-1]:
        raise ConfigError(
            f"min_pixels and max_pixels are too close together for an image of "
            f"{seen[0][0]}x{seen[0][1]} pixels."
        )
    return size


def _compact(size: Size) -> Size:
    """Shortens the longer side to the most elongated shape that processors accept."""
    most = MAX_ASPECT_RATIO * min(size)
    return min(size[0], most), min(size[1], most)


def tokens_of(size: Size, limits: ImageLimits) -> int:
    """Visual tokens of a view whose size came from `shown_size`."""
    if limits.family in TILE_FAMILIES:
        return TILE_FAMILIES[limits.family].tokens(*size)
    block = token_family(limits.family).block
    return (size[0] // block) * (size[1] // block)


def resample(image: Image.Image, size: Size) -> Image.Image:
    """Resizes with an antialiased Lanczos filter; the one resize between original and policy."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def view(source: ImageSource, size: Size) -> Image.Image:
    """Decodes a source and resizes it to what is shown; decodes no more than that needs.

    Raises:
        ImageError: If the source cannot be read.
    """
    if isinstance(source, ReducibleSource):
        return resample(source.load_reduced(size), size)
    return resample(source.load(), size)


def fixed_size(image: Image.Image, size: Size) -> Image.Image:
    """Resizes to exactly `size`, the aspect ratio notwithstanding; bilinear."""
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)
