"""How large the views are that a policy gets: pixel bounds, and whose visual tokens are counted."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace

from vt_env.errors import ConfigError, ImageError, UnknownNameError
from vt_env.images.files import Size, elongated
from vt_env.tokens.qwen import MAX_ASPECT_RATIO, fit_size, refuse_pixel_limits, token_family
from vt_env.tokens.tiles import TILE_FAMILIES

BOUNDS = ("each_view", "full_view")
"""What pixel bounds hold for: every view, or the full view before it is made smaller."""


@dataclass(frozen=True)
class ImageLimits:
    """How large the image is that a policy gets to see, and who counts its tokens.

    Whatever the bounds are, every view has a size that the model's processor leaves alone.

    Attributes:
        family: Token family of the model, a name in `vt_env.tokens.qwen.FAMILIES` or, without pixel
            limits, in `vt_env.tokens.tiles.TILE_FAMILIES`.
        min_pixels: Smallest area, in pixels; None: the processor's.
        max_pixels: Largest area, in pixels; None: the processor's.
        bounds: ``"each_view"``: the bounds hold for every view. ``"full_view"``: they hold for the
            full view, as in the reference's loader, whose own are 512² and 2048²; smaller views are
            shares of it, and the processor alone bounds them.
        processor: Smallest and largest area that the model's processor leaves alone, in pixels;
            None: the family's own, or as far as the bounds above reach.
    """

    family: str = "qwen2_5_vl"
    min_pixels: int | None = None
    max_pixels: int | None = None
    bounds: str = "each_view"
    processor: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.bounds not in BOUNDS:
            raise UnknownNameError("kind of bounds", str(self.bounds), BOUNDS)
        if self.family in TILE_FAMILIES:
            refuse_pixel_limits(self.family, self.min_pixels, self.max_pixels)
            if self.bounds != "each_view":
                raise ConfigError(f"bounds do not apply to {self.family!r}; tiles limit it.")
            return
        area = token_family(self.family).block ** 2
        for name in ("min_pixels", "max_pixels"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise ConfigError(f"{name} is a whole number of pixels, got {value!r}.")
        low, high = self.shown
        if not 1 <= low <= high:
            raise ConfigError(
                f"min_pixels ({low}) must be at least 1 and at most max_pixels ({high})."
            )
        if high < area:
            raise ConfigError(f"max_pixels must be at least {area}, one token's area.")
        if self.processor is not None and not self.processor[0] <= low <= high <= self.processor[1]:
            least, most = self.processor
            raise ConfigError(
                f"min_pixels ({low}) and max_pixels ({high}) must lie in [{least}, {most}], the "
                f"bounds of the checkpoint's processor: it would resize what lies outside again."
            )

    @property
    def shown(self) -> tuple[int, int]:
        """Smallest and largest area that the bounds allow, in pixels."""
        least, most = self._own
        return (
            least if self.min_pixels is None else self.min_pixels,
            most if self.max_pixels is None else self.max_pixels,
        )

    @property
    def kept(self) -> tuple[int, int]:
        """Smallest and largest area of a view, in pixels."""
        if self.bounds == "each_view":
            return self.shown
        least, most = self._own
        # Rounding to whole tokens may exceed the bound of the full view by a little, and only a
        # processor that is known would make the view smaller again.
        told = self.processor is None and self.max_pixels is not None
        return least, sys.maxsize if told else most

    @property
    def _own(self) -> tuple[int, int]:
        """Bounds of the processor."""
        if self.processor is not None:
            return self.processor
        rule = token_family(self.family)
        return rule.min_pixels, rule.max_pixels


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
    if limits.bounds == "full_view":
        width, height = _bounded(original, limits)
        return _settled((max(1, int(width * scale)), max(1, int(height * scale))), limits)
    full = _settled(original, limits)
    if scale == 1.0:
        return full
    return _settled((max(1, round(full[0] * scale)), max(1, round(full[1] * scale))), limits)


def crop_size(part: Size, limits: ImageLimits) -> Size:
    """Size at which a part of the original is shown.

    The least area of a full view says nothing of its parts, so where bounds hold for the full view
    a part is enlarged by the processor alone.

    Args:
        part: Width and height of the part, in pixels of the original.
        limits: Bounds on the area, and the token family.

    Raises:
        ImageError: If the part is more than 200 times as long as wide.
        ConfigError: If the limits are so close together that no size settles between them.
    """
    own = replace(limits, min_pixels=None) if limits.bounds == "full_view" else limits
    return shown_size(part, 1.0, own)


def _bounded(size: Size, limits: ImageLimits) -> Size:
    """The full view before the processor rounds it: the bounds as the reference's loader has them.

    Sides are cut to whole pixels after each step, the larger bound first (VisionThink,
    ``process_image`` of the released loader).
    """
    width, height = size
    most, least = limits.shown[1], limits.min_pixels
    if width * height > most:
        factor = math.sqrt(most / (width * height))
        width, height = max(1, int(width * factor)), max(1, int(height * factor))
    if least is not None and width * height < least:
        factor = math.sqrt(least / (width * height))
        width, height = int(width * factor), int(height * factor)
    return width, height


def _settled(size: Size, limits: ImageLimits) -> Size:
    """Size that the processor makes of `size` and then leaves alone.

    Once is not always enough: an elongated image can come out larger than the limits allow, or
    more elongated than the processor itself accepts, and would be resized again.
    """
    seen: list[Size] = []
    while size not in seen:
        seen.append(size)
        width, height = fit_size(limits.family, *_compact(size), *limits.kept)
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
