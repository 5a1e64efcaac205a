"""Whether the ladder of resolutions can be climbed: how many samples have a higher one to ask for.

An image whose low view costs what its full view costs cannot be asked for: every request would be
`no_higher_resolution`. So it is with small images, whose views the model's processor enlarges to
its least area, and with families of tiles, whose smallest view is a whole tile.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from vt_env.config import EpisodeConfig
from vt_env.errors import LadderWarning, VisionThinkError
from vt_env.images.files import Size
from vt_env.images.limits import shown_size, tokens_of
from vt_env.images.urls import UrlImage
from vt_env.samples import Dataset

FIRST = 8
"""Samples that are looked at when an environment is made."""
WARN_BELOW = 0.5
"""`LadderWarning` is given when a smaller share of the samples can be asked for."""


@dataclass(frozen=True)
class LadderCheck:
    """What was found.

    Attributes:
        climbable: Samples of which a higher resolution can be asked for.
        samples: Samples looked at; those whose image cannot be read, or would have to be fetched,
            do not count.
        largest: Width and height of the largest image that cannot be asked for, in pixels; None
            where there is none.
    """

    climbable: int
    samples: int
    largest: Size | None = None

    @property
    def share(self) -> float | None:
        """Share that can be asked for; None when no sample was looked at."""
        return self.climbable / self.samples if self.samples else None

    @property
    def poor(self) -> bool:
        """Whether the share is so small that it is worth a warning."""
        return self.share is not None and self.share < WARN_BELOW

    def describe(self, config: EpisodeConfig) -> str:
        """What was found, in a sentence; where it is poor, with what to change."""
        found = (
            f"Of {self.climbable} of the first {self.samples} samples ({self.share or 0.0:.0%}) a "
            f"higher resolution can be asked for (token family {config.limits.token_family}, "
            f"resolutions {', '.join(f'{level:g}' for level in config.resolutions)})."
        )
        if not self.poor or self.largest is None:
            return found
        width, height = self.largest
        return (
            f"{found} An image of {width}x{height} pixels costs as many visual tokens at the "
            "lowest resolution as at the highest, so a request for it is no_higher_resolution. Use "
            "images of another size (canvas= of the embedded world), another token_family, a "
            'smaller min_pixels or bounds="full_view"; docs/environment.md says what each needs.'
        )


def check_ladder(dataset: Dataset, config: EpisodeConfig, samples: int) -> LadderCheck:
    """Looks at the sizes of a dataset's first images; decodes and fetches none of them.

    Args:
        dataset: Where the samples come from.
        config: Ladder and limits.
        samples: How many samples are looked at.
    """
    climbable = seen = 0
    largest: Size | None = None
    for index in range(min(len(dataset), samples)):
        try:
            size = _size(dataset, index)
            if size is None:
                continue
            counts = [
                tokens_of(shown_size(size, level, config.limits), config.limits)
                for level in config.resolutions
            ]
        except VisionThinkError:  # told by the checks of the data, or when the sample is played
            continue
        seen += 1
        if max(counts) > counts[0]:
            climbable += 1
        elif largest is None or size[0] * size[1] > largest[0] * largest[1]:
            largest = size
    return LadderCheck(climbable, seen, largest)


def warn_of_a_flat_ladder(dataset: Dataset, config: EpisodeConfig, stacklevel: int = 2) -> None:
    """Gives a `LadderWarning` when hardly any of the first samples can be asked for.

    A ladder of one rung, a single turn, and an environment without the resize tool give none: there
    asking was left out on purpose.
    """
    if len(config.resolutions) < 2 or config.max_turns < 2 or "resize" not in config.tools:
        return
    found = check_ladder(dataset, config, FIRST)
    if found.poor:
        warnings.warn(found.describe(config), LadderWarning, stacklevel=stacklevel + 1)


def _size(dataset: Dataset, index: int) -> Size | None:
    """Width and height of a sample's image; None where it would have to be fetched."""
    image_size = getattr(dataset, "image_size", None)
    if image_size is not None:
        width, height = image_size(index)
        return int(width), int(height)
    image = dataset[index].image
    return None if isinstance(image, UrlImage) else image.size()
