"""What a token family is: how the processor of its models sizes an image, and counts its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from judges import Registry
from vt_env.errors import ConfigError

Size = tuple[int, int]
"""Width and height."""
MAX_ASPECT_RATIO = 200
"""Longest side over shortest side of what is shown; the Qwen-VL processors accept no more."""


class PixelLimits(Protocol):
    """Bounds on what is shown, as `vt_env.images.limits.ImageLimits` has them."""

    @property
    def token_family(self) -> str:
        """Name of the token family."""
        ...

    @property
    def min_pixels(self) -> int | None:
        """Smallest area, in pixels; None: the processor's."""
        ...

    @property
    def max_pixels(self) -> int | None:
        """Largest area, in pixels; None: the processor's."""
        ...

    @property
    def bounds(self) -> str:
        """What they hold for: ``"each_view"`` or ``"full_view"``."""
        ...

    @property
    def processor(self) -> tuple[int, int] | None:
        """Smallest and largest area that the checkpoint's processor leaves alone, in pixels."""
        ...


@runtime_checkable
class TokenFamily(Protocol):
    """The counting rule of one family of models, whose ``model_type`` is its name.

    A view is what `view_size` gives: a size that the processor of the model leaves alone, so that
    `tokens` of it is what the model spends.
    """

    def check(self, limits: PixelLimits) -> None:
        """Finds out whether limits can hold for this family.

        Raises:
            ConfigError: If they cannot; names the setting.
        """
        ...

    def view_size(self, original: Size, scale: float, limits: PixelLimits) -> Size:
        """Size of an image as shown at `scale`.

        Args:
            original: Width and height of the original, in pixels, at least 1 and at most
                `MAX_ASPECT_RATIO` times as long as wide.
            scale: Share of each side of the full view, in (0, 1].
            limits: What `check` let through.

        Raises:
            ConfigError: If no size lies within the limits.
        """
        ...

    def tokens(self, size: Size) -> int:
        """Visual tokens of a view of this size, at least 1."""
        ...

    def count(self, size: Size, **limits: int | None) -> int:
        """Visual tokens of an image of any size, as the processor counts them when it is handed it.

        Args:
            size: Width and height, in pixels.
            **limits: Limits that the family knows, such as ``max_pixels``; None: its own.

        Raises:
            ConfigError: If a side is below 1 pixel, or a limit is not one of the family's.
        """
        ...

    def read_processor(
        self, settings: Mapping[str, Any], config: Mapping[str, Any]
    ) -> tuple[int, int] | None:
        """What a checkpoint says of how its processor sizes images.

        Args:
            settings: The image processor's file.
            config: The checkpoint's ``config.json``.

        Returns:
            The smallest and the largest area that it leaves alone, in pixels; None where it has
            no such bounds.

        Raises:
            ConfigError: If tokens cannot be counted for such a processor.
        """
        ...


def _is_family(entry: object) -> bool:
    return isinstance(entry, TokenFamily) and not isinstance(entry, type)


TOKEN_FAMILIES = Registry[TokenFamily](
    "token family", _is_family, "a TokenFamily, with view_size and tokens"
)
"""Token families by the ``model_type`` of their checkpoints."""


def token_family(name: str) -> TokenFamily:
    """Returns the token family called `name`, or what ``module:attribute`` means.

    Raises:
        UnknownNameError: If there is none; suggests the closest.
    """
    return TOKEN_FAMILIES.find(name)


def visual_tokens(
    model_type: str,
    width: int,
    height: int,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    max_tiles: int | None = None,
) -> int:
    """Visual tokens of a `width` x `height` image, as the family's processor counts them.

    Args:
        model_type: A name in `TOKEN_FAMILIES`.
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        min_pixels: Qwen-VL families: smallest area, in pixels; None: the family's own.
        max_pixels: Qwen-VL families: largest area, in pixels; None: the family's own.
        max_tiles: Families of tiles: most tiles; None: the family's own.

    Returns:
        Number of tokens, at least 1.

    Raises:
        UnknownNameError: If there is no such family.
        ConfigError: If a side is below 1 pixel, a limit is not one of the family's, or (Qwen-VL)
            the aspect ratio exceeds 200.
    """
    limits = {"min_pixels": min_pixels, "max_pixels": max_pixels, "max_tiles": max_tiles}
    return token_family(model_type).count((width, height), **limits)


def check_area(size: Size) -> None:
    """Raises a `ConfigError` when a side is below 1 pixel."""
    if min(size) < 1:
        raise ConfigError(f"An image of {size[0]}x{size[1]} pixels has no area.")


def refuse_limits(limits: Mapping[str, int | None], known: tuple[str, ...]) -> None:
    """Refuses limits of `TokenFamily.count` that a family does not have.

    Raises:
        ConfigError: Naming one, and those that there are.
    """
    for name, value in limits.items():
        if name not in known and value is not None:
            raise ConfigError(
                f"{name} does not apply to this token family; its limits are {', '.join(known)}."
            )
