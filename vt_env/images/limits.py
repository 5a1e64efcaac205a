"""How large the views are that a policy gets: pixel bounds, and whose visual tokens are counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vt_env.errors import ImageError, UnknownNameError
from vt_env.images.files import Size, elongated
from vt_env.tokens import MAX_ASPECT_RATIO, token_family

BOUNDS = ("each_view", "full_view")
"""What pixel bounds hold for: every view, or the full view before it is made smaller."""


@dataclass(frozen=True)
class ImageLimits:
    """How large the image is that a policy gets to see, and who counts its tokens.

    Whatever the bounds are, every view has a size that the model's processor leaves alone.

    Attributes:
        token_family: Token family of the model, a name in `vt_env.tokens.TOKEN_FAMILIES` or
            ``module:attribute``; those of tiles have no bounds in pixels.
        min_pixels: Smallest area, in pixels; None: the processor's.
        max_pixels: Largest area, in pixels; None: the processor's.
        bounds: ``"each_view"``: the bounds hold for every view. ``"full_view"``: they hold for the
            full view, as in the reference's loader, whose own are 512² and 2048²; smaller views are
            shares of it, and the processor alone bounds them.
        processor: Smallest and largest area that the model's processor leaves alone, in pixels;
            None: the family's own, or as far as the bounds above reach.
    """

    token_family: str = "qwen2_5_vl"
    min_pixels: int | None = None
    max_pixels: int | None = None
    bounds: str = "each_view"
    processor: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.bounds not in BOUNDS:
            raise UnknownNameError("kind of bounds", str(self.bounds), BOUNDS)
        token_family(self.token_family).check(self)


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
    return token_family(limits.token_family).view_size(original, scale, limits)


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


def tokens_of(size: Size, limits: ImageLimits) -> int:
    """Visual tokens of a view whose size came from `shown_size`."""
    return token_family(limits.token_family).tokens(size)
