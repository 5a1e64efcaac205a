"""Image files and encoded images: opened within limits, decoded to upright RGB."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vt_env.errors import ImageError
from vt_env.tokens import MAX_ASPECT_RATIO

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


def elongated(size: Size) -> str:
    """Says that an image is too long for its width to be shown."""
    return (
        f"{size[0]}x{size[1]} pixels are too elongated; the longer side may be at most "
        f"{MAX_ASPECT_RATIO} times the shorter one."
    )


class EncodedImage(ABC):
    """An image in a file format; subclasses say where its bytes are."""

    max_image_pixels: int

    @property
    @abstractmethod
    def name(self) -> str:
        """What to call the image in logs and errors."""

    @abstractmethod
    def _source(self) -> Path | io.BytesIO:
        """Where Pillow reads from, the limit on bytes checked; raises `ImageError`."""

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
            raise ImageError(f"{self.name}: {elongated((width, height))}")
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
            raise ImageError(f"{self.name}: cannot be decoded ({error}).") from error
        turn = _TURNS.get(orientation)
        return upright if turn is None else upright.transpose(turn)

    def _open(self) -> Image.Image:
        source = self._source()
        try:
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(source, formats=FORMATS)
        except UnidentifiedImageError as error:
            known = ", ".join(FORMATS)
            raise ImageError(f"{self.name}: not an image that can be read ({known}).") from error
        except Exception as error:  # Pillow's parsers raise whatever hostile bytes lead to
            raise ImageError(f"{self.name}: cannot be opened ({error}).") from error
        if image.width * image.height > self.max_image_pixels:
            image.close()
            raise ImageError(
                f"{self.name}: {image.width}x{image.height} pixels exceed the limit of "
                f"{self.max_image_pixels} pixels."
            )
        return image


@dataclass(frozen=True)
class FileImage(EncodedImage):
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

    def _source(self) -> Path:
        try:
            if not self.path.is_file():
                raise ImageError(f"{self.path}: no such image file.")
            length = self.path.stat().st_size
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.path}: cannot be a file ({error}).") from error
        check_length(self.name, length, self.max_image_bytes)
        return self.path


@dataclass(frozen=True)
class BytesImage(EncodedImage):
    """An image file in memory, as table formats hold it; decoded on use.

    Attributes:
        data: The file's bytes; of a format in `FORMATS`.
        label: What to call the image in logs and errors.
        max_image_pixels: Images with more pixels are refused before decoding.
        max_image_bytes: Longer data are refused before opening.
    """

    data: bytes = field(repr=False)
    label: str = "bytes"
    max_image_pixels: int = MAX_IMAGE_PIXELS
    max_image_bytes: int = MAX_IMAGE_BYTES

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    def _source(self) -> io.BytesIO:
        check_length(self.name, len(self.data), self.max_image_bytes)
        return io.BytesIO(self.data)


def check_length(name: str, length: int, most: int) -> None:
    """Refuses an image of more bytes than allowed.

    Raises:
        ImageError: If `length` exceeds `most`.
    """
    if length > most:
        raise ImageError(f"{name}: {length} bytes exceed the limit of {most} bytes.")


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
