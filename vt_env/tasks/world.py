"""`World`: the embedded dataset. Scenes are drawn on demand from (seed, split, index) alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.samples import Sample
from vt_env.tasks.base import Box, Element, Task
from vt_env.tasks.numbers import NumbersTask
from vt_env.tasks.objects import ObjectsTask
from vt_env.tasks.stripes import StripesTask

TASKS: dict[str, Task] = {task.name: task for task in (ObjectsTask(), NumbersTask(), StripesTask())}
SPLITS = {"train": (0, 10_000_000), "validation": (1, 100_000), "test": (2, 100_000)}
"""Number of each split's random stream, and its size; streams never overlap."""
CANVAS = 112
"""Smallest and default side of the images, in pixels: 16 visual tokens of 28 x 28 pixels."""
DISTRACTOR_SHARE = 0.5
"""Chance that a family that is not asked about is drawn all the same."""


@dataclass(frozen=True)
class Scene:
    """A drawn image and the elements on it, the one asked about first."""

    image: Image.Image
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class SceneImage:
    """Draws a scene's image when it is asked for."""

    seed: int
    split: str
    index: int
    canvas: int
    families: tuple[str, ...]

    @property
    def name(self) -> str:
        """Which scene it is."""
        return f"world/{self.split}/{self.seed}/{self.index}"

    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.canvas, self.canvas

    def load(self) -> Image.Image:
        """Draws the scene; mode RGB."""
        rng = scene_rng(self.seed, self.split, self.index)
        return draw_scene(rng, self.canvas, self.families).image


def scene_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """Random stream of one scene, the same on every machine."""
    return np.random.default_rng([seed, SPLITS[split][0], index])


def draw_scene(
    rng: np.random.Generator,
    canvas: int,
    families: tuple[str, ...],
    distractor_share: float = DISTRACTOR_SHARE,
) -> Scene:
    """Draws one scene: the asked family, and distractors of others, each in its own quadrant.

    Args:
        rng: The only source of randomness.
        canvas: Side of the image, in pixels.
        families: Families to choose from; the first element drawn is the one to ask about.
        distractor_share: Chance of each other family to be drawn as well.
    """
    background = tuple(int(c) for c in rng.integers(225, 256, size=3))
    image = Image.new("RGB", (canvas, canvas), background)
    asked = families[int(rng.integers(len(families)))]
    others = [name for name in TASKS if name != asked and rng.random() < distractor_share]
    half = canvas // 2
    quadrants = rng.permutation(4)
    elements = []
    for place, name in zip(quadrants, [asked, *others], strict=False):
        x, y = int(place) % 2 * half, int(place) // 2 * half
        box: Box = (x, y, x + half, y + half)
        elements.append(TASKS[name].draw(image, box, rng))
    return Scene(image, tuple(elements))


@dataclass(frozen=True)
class World:
    """The embedded procedural world: exact answers, known need for resolution, no downloads.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        seed: Seed of the world; the same seed gives the same bytes on every machine.
        canvas: Side of the images, in pixels, at least 112.
        families: Families that are asked about; empty: all.

    Raises:
        UnknownNameError: If the split or a family is unknown.
        ConfigError: If the canvas is too small, or no multiple of 56 (two visual tokens).
    """

    split: str = "train"
    seed: int = 0
    canvas: int = CANVAS
    families: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        for family in self.families:
            if family not in TASKS:
                raise UnknownNameError("family", family, TASKS)
        if self.canvas < CANVAS or self.canvas % 56:
            raise ConfigError(
                f"canvas must be a multiple of 56 from {CANVAS} up, got {self.canvas}."
            )
        if self.seed < 0:
            raise ConfigError(f"seed must be at least 0, got {self.seed}.")

    @property
    def name(self) -> str:
        """Name for logs."""
        return f"world/{self.split}"

    def __len__(self) -> int:
        return SPLITS[self.split][1]

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} samples, not index {index}.")
        rng = scene_rng(self.seed, self.split, index)
        families = self.families or tuple(TASKS)
        element = draw_scene(rng, self.canvas, families).elements[0]
        question = element.questions[int(rng.integers(len(element.questions)))]
        return Sample(
            sample_id=f"{self.split}-{self.seed}-{index}",
            question=question.text,
            answers=(question.answer,),
            image=SceneImage(self.seed, self.split, index, self.canvas, families),
            family=element.family,
            kind=question.kind,
            needs_high_res=element.needs_high_res,
            meta={"why": element.why},
        )

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none. Draws nothing."""
        prefix, _, digits = sample_id.rpartition("-")
        known = prefix == f"{self.split}-{self.seed}" and digits.isdecimal() and digits.isascii()
        if not known or len(digits) > len(str(len(self))) or digits != str(int(digits)):
            return None
        return int(digits) if int(digits) < len(self) else None
