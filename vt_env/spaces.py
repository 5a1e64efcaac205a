"""Spaces for what Gymnasium has no space for: images of any size, and text of any kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import Space

MAX_SAMPLE_SIDE = 64
MAX_SAMPLE_CHARS = 64
_SURROGATES = range(0xD800, 0xE000)


class ImageSpace(Space[npt.NDArray[np.uint8]]):
    """RGB images of any size: uint8 arrays of shape (H, W, 3) with H and W at least 1.

    Args:
        seed: Seed of `sample`, which draws noise of at most 64 x 64 pixels.
    """

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(None, np.uint8, seed)

    @property
    def is_np_flattenable(self) -> bool:
        """False: the size varies."""
        return False

    def sample(self, mask: None = None, probability: None = None) -> npt.NDArray[np.uint8]:
        """Draws a noise image of at most 64 x 64 pixels."""
        _refuse_masks(mask, probability)
        height, width = self.np_random.integers(1, MAX_SAMPLE_SIDE + 1, size=2)
        return self.np_random.integers(0, 256, size=(height, width, 3), dtype=np.uint8)

    def contains(self, x: Any) -> bool:
        """True for uint8 arrays of shape (H, W, 3) that have at least one pixel."""
        if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 3:
            return False
        return bool(x.shape[2] == 3 and x.shape[0] > 0 and x.shape[1] > 0)

    def to_jsonable(self, sample_n: Any) -> list[Any]:
        """Turns images into nested lists."""
        return [image.tolist() for image in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[npt.NDArray[np.uint8]]:
        """Turns nested lists back into images."""
        return [np.asarray(image, dtype=np.uint8) for image in sample_n]

    def __eq__(self, other: object) -> bool:
        """Every two image spaces hold the same images."""
        return isinstance(other, ImageSpace)

    def __hash__(self) -> int:
        """Equal spaces have equal hashes."""
        return hash(ImageSpace)

    def __repr__(self) -> str:
        """The constructor call."""
        return "ImageSpace()"


class UnicodeText(Space[str]):
    """Every Python string: any length (the empty one too), any code point, lone surrogates too.

    Gymnasium's own `Text` lists its characters and bounds its length; a model's output has neither.

    Args:
        phrases: Texts that `sample` draws half of the time, so that a random policy does more
            than babble; they change nothing about what the space contains.
        seed: Seed of `sample`, which otherwise draws at most 64 random characters.
    """

    def __init__(
        self, phrases: tuple[str, ...] = (), seed: int | np.random.Generator | None = None
    ) -> None:
        super().__init__(None, None, seed)
        self.phrases = phrases

    @property
    def is_np_flattenable(self) -> bool:
        """False: the length varies."""
        return False

    def sample(self, mask: None = None, probability: None = None) -> str:
        """Draws a phrase, or up to 64 characters of all of Unicode that can be encoded."""
        _refuse_masks(mask, probability)
        if self.phrases and self.np_random.random() < 0.5:
            return self.phrases[int(self.np_random.integers(len(self.phrases)))]
        length = int(self.np_random.integers(0, MAX_SAMPLE_CHARS + 1))
        codes = self.np_random.integers(0, 0x110000, size=length)
        return "".join(chr(code) for code in codes if code not in _SURROGATES)

    def contains(self, x: Any) -> bool:
        """True for every `str`."""
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        """Every two text spaces hold the same strings; phrases do not count."""
        return isinstance(other, UnicodeText)

    def __hash__(self) -> int:
        """Equal spaces have equal hashes."""
        return hash(UnicodeText)

    def __repr__(self) -> str:
        """The constructor call, without the phrases."""
        return "UnicodeText()"


def _refuse_masks(mask: object, probability: object) -> None:
    if mask is not None or probability is not None:
        raise ValueError("Images and free text cannot be sampled under a mask.")
