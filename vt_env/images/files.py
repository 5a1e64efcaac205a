"""Image files and encoded images: opened within limits, decoded to upright RGB."""

from __future__ import annotations

import io
import threading
import warnings
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from vt_env.errors import ImageError
from vt_env.images.directories import TIFF_STARTS, check_directory, walk_tiff
from vt_env.images.jpeg import walk_jpeg
from vt_env.images.pixels import to_rgb, wide_colour_to_rgb
from vt_env.images.png import SIGNATURE, low_bytes, needed_chunks, rescale_key, wide_raw_mode
from vt_env.images.work import WORK, ImageWork, Tally, is_slow, walk_gif, walk_pnm, walk_webp
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
_HIGH_OF_14_BITS = 64
"""High byte of the smallest value that takes more than 14 bits."""
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
    work: ImageWork

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
        with self._open(pixels=False) as image:
            return upright_size(image)

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
            sideways = orientation_of(image) in _SIDEWAYS
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
        rescale_key(image)
        low = wide_raw_mode(image)
        if low is None:
            return upright_rgb(image, self.name)
        return self._decode_wide(image, low)

    def _decode_wide(self, image: Image.Image, raw_mode: str) -> Image.Image:
        """Decodes 16-bit colours; what Pillow drops of them only where it changes what is shown."""
        key = image.info.get("transparency")
        try:
            image.load()
            if key is None and int(np.asarray(image)[..., :3].max()) >= _HIGH_OF_14_BITS:
                return upright_rgb(image, self.name)
            with self._open() as again:
                rgb = wide_colour_to_rgb(image, low_bytes(again, raw_mode), key)
        except ImageError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever hostile bytes lead to
            raise ImageError(f"{self.name}: cannot be decoded ({error}).") from error
        return _turned(rgb, orientation_of(image))

    def _open(self, pixels: bool = True) -> Image.Image:
        source: Path | BinaryIO = self._source()
        try:
            with _stream(source) as file:
                needed = _walked(file, Tally(self.name, self.work), self.max_image_pixels, pixels)
                length = file.seek(0, io.SEEK_END)
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(source if needed is None else needed, formats=FORMATS)
        except ImageError:
            raise
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
        if pixels and is_slow(image):
            try:
                Tally(self.name, self.work).slow(length, image.width * image.height)
            except ImageError:
                image.close()
                raise
        return image


@dataclass(frozen=True)
class FileImage(EncodedImage):
    """An image file, opened on use.

    Attributes:
        path: The file; of a format in `FORMATS`, told by its bytes, not by its name.
        max_image_pixels: Images with more pixels are refused before decoding.
        max_image_bytes: Files with more bytes are refused before opening.
        work: What else is refused before decoding.
    """

    path: Path
    max_image_pixels: int = MAX_IMAGE_PIXELS
    max_image_bytes: int = MAX_IMAGE_BYTES
    work: ImageWork = WORK

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
        work: What else is refused before decoding.
    """

    data: bytes = field(repr=False)
    label: str = "bytes"
    max_image_pixels: int = MAX_IMAGE_PIXELS
    max_image_bytes: int = MAX_IMAGE_BYTES
    work: ImageWork = WORK

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


def _walked(file: BinaryIO, tally: Tally, max_pixels: int, pixels: bool) -> BinaryIO | None:
    """Compares what a file asks for with the limits; returns what of a PNG is needed."""
    head = file.read(12)
    file.seek(0)
    if head.startswith(SIGNATURE):
        return needed_chunks(file, tally, pixels)
    if head.startswith(b"\xff\xd8\xff"):
        walk_jpeg(file, tally, pixels)
    elif head.startswith(b"GIF8"):
        walk_gif(file, tally)
    elif head.startswith(b"RIFF") and head.endswith(b"WEBP"):
        walk_webp(file, tally)
    elif head.startswith(TIFF_STARTS):
        walk_tiff(file, tally, max_pixels)
    elif head.startswith(b"P"):
        walk_pnm(file, tally)
    return None


def _stream(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Opens a path; hands what is in memory back as it is, at its start."""
    if isinstance(source, Path):
        return source.open("rb")
    return _Rewound(source)


class _Rewound(AbstractContextManager[BinaryIO]):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> BinaryIO:
        return self._file

    def __exit__(self, *exception: object) -> None:
        self._file.seek(0)


def orientation_of(image: Image.Image, late: bool = False) -> int:
    """EXIF orientation that is still to be applied; 1 when there is none or it is unreadable.

    Args:
        image: Open, decoded or not.
        late: Whether a PNG may tell it after its pixels, which are then decoded first.
    """
    if image.format == "TIFF":
        return 1  # Pillow applies a TIFF's orientation itself, to its size as to its pixels
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_directory(image.info.get("exif") or b"", Tally("EXIF", WORK))
            exif = image.getexif() if late else Image.Image.getexif(image)
            value = exif.get(_ORIENTATION_TAG, 1)
        except Exception:  # broken metadata of a sound image; Pillow's parsers raise anything
            return 1
    return value if isinstance(value, int) else 1


def upright_size(image: Image.Image, late: bool = False) -> Size:
    """Width and height in pixels with EXIF orientation applied; see `orientation_of`."""
    width, height = image.size
    return (height, width) if orientation_of(image, late) in _SIDEWAYS else (width, height)


def upright_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decodes an image to RGB with EXIF orientation applied.

    Args:
        image: Open, decoded or not.
        name: What to call it in errors.

    Raises:
        ImageError: If it cannot be decoded.
    """
    try:
        image.load()
        orientation = orientation_of(image)
        rgb = to_rgb(image)
    except Exception as error:  # Pillow's decoders raise whatever hostile bytes lead to
        raise ImageError(f"{name}: cannot be decoded ({error}).") from error
    return _turned(rgb, orientation)


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
