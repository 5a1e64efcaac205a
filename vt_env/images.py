"""Where pixels come from, and the resolution ladder; every level is cut from the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from PIL import Image

from vt_env.errors import ConfigError, ImageError
from vt_env.image_files import (
    MAX_IMAGE_BYTES,
    MAX_IMAGE_PIXELS,
    BytesImage,
    FileImage,
    Size,
    elongated,
    upright_rgb,
    upright_size,
)
from vt_env.pixels import to_rgb
from vt_env.tiles import TILE_FAMILIES
from vt_env.tokens import MAX_ASPECT_RATIO, fit_size, refuse_pixel_limits, token_family
from vt_env.url_images import UrlImage

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
    if isinstance(source, SharedImage):
        return source.view(size)
    load_reduced = getattr(source, "load_reduced", None)  # isinstance of a Protocol is slow
    return resample(load_reduced(size) if load_reduced else source.load(), size)


def fixed_size(image: Image.Image, size: Size) -> Image.Image:
    """Resizes to exactly `size`, the aspect ratio notwithstanding; bilinear."""
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)
