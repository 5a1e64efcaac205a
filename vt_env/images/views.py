"""Where pixels come from, and the resolution ladder; every level is cut from the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL import Image

from vt_env.images.files import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    BytesImage,
    FileImage,
    Size,
    upright_rgb,
    upright_size,
)
from vt_env.images.limits import ImageLimits, crop_size, shown_size, tokens_of
from vt_env.images.pixels import to_rgb
from vt_env.images.urls import UrlImage

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "BytesImage",
    "FileImage",
    "ImageLimits",
    "ImageSource",
    "MemoryImage",
    "ReducibleSource",
    "SharedImage",
    "Size",
    "UrlImage",
    "crop_size",
    "fixed_size",
    "resample",
    "shown_size",
    "to_rgb",
    "tokens_of",
    "view",
]


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
    """An image already in memory, or opened by Pillow and not decoded yet.

    Attributes:
        image: The image; an EXIF orientation that it still carries is applied.
        name: What to call it in logs and errors.
    """

    image: Image.Image
    name: str = "memory"

    def size(self) -> Size:
        """Width and height in pixels, orientation applied."""
        return upright_size(self.image, late=True)

    def load(self) -> Image.Image:
        """The image in mode RGB, orientation applied.

        Raises:
            ImageError: If it was opened and cannot be decoded, or was closed.
        """
        return upright_rgb(self.image, self.name)


class SharedImage:
    """An image source that several episodes on one sample share: each view is made once, on use.

    The views are those that the source alone would give, pixel by pixel. They are kept as long as
    this object is, so make one for a group of episodes and drop it with the group.

    Args:
        source: Where the pixels come from.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._size: Size | None = None
        self._views: dict[Size, Image.Image] = {}

    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    def size(self) -> Size:
        """The source's width and height, in pixels."""
        if self._size is None:
            self._size = self._source.size()
        return self._size

    def load(self) -> Image.Image:
        """Decodes the whole image anew; crops need it, views do not."""
        return self._source.load()

    def view(self, size: Size) -> Image.Image:
        """The image as shown at `size`; made at the first call."""
        if size not in self._views:
            self._views[size] = view(self._source, size)
        return self._views[size]


def resample(image: Image.Image, size: Size) -> Image.Image:
    """Resizes with an antialiased Lanczos filter; the one resize between original and policy."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def view(source: ImageSource, size: Size) -> Image.Image:
    """Decodes a source and resizes it to what is shown; decodes no more than that needs.

    Raises:
        ImageError: If the source cannot be read.
    """
    if isinstance(source, SharedImage):
        return source.view(size)
    load_reduced = getattr(source, "load_reduced", None)  # isinstance of a Protocol is slow
    return resample(load_reduced(size) if load_reduced else source.load(), size)


def fixed_size(image: Image.Image, size: Size) -> Image.Image:
    """Resizes to exactly `size`, the aspect ratio notwithstanding; bilinear."""
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)
