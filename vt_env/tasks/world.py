"""`World`: the embedded dataset. Scenes are drawn on demand from (seed, split, index) alone."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from judges import short_name
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.samples import Sample
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import draw_style
from vt_env.tasks.suites import SUITES, TASKS
from vt_env.tasks.task import Question

SPLITS = {
    "train": (0, 10_000_000),
    "validation": (1, 100_000),
    "test": (2, 100_000),
    "generalisation": (3, 100_000),
}
"""Number of each split's random stream, and its size; streams never overlap."""
CANVAS, SMALLEST, LARGEST = 168, 112, 2048
"""Default side of the images in pixels (36 visual tokens of 28 x 28), and the bounds."""
BLOCKS = (56, 64)
"""A canvas is a multiple of one of these, so that half of it is whole tokens: 28 or 32 pixels."""
NEED, MARGIN = 0.45, 0.1
"""How often a question is asked that needs high resolution, unless told otherwise, and one that
lies in the margin; all others do not need it."""


@dataclass(frozen=True)
class Scene:
    """A drawn scene and every question about it.

    Attributes:
        family: The family that drew it.
        sheet: What it was drawn on.
        questions: The questions, at least one.
        asked: Number of the question that the sample asks.
    """

    family: str
    sheet: Sheet
    questions: tuple[Question, ...]
    asked: int

    @property
    def question(self) -> Question:
        """The question that the sample asks."""
        return self.questions[self.asked]

    def image(self, swapped: Mapping[int, str] | None = None) -> Image.Image:
        """The image, mode RGB; `swapped` as in `Sheet.finish`."""
        return self.sheet.finish(swapped)


def draw_scene(
    rng: np.random.Generator,
    canvas: int,
    groups: tuple[tuple[str, ...], ...],
    novel: bool = False,
    need: float = NEED,
) -> Scene:
    """Draws a scene.

    Args:
        rng: The only source of randomness.
        canvas: Side of the image, in pixels.
        groups: Groups of families, as in `SUITES`.
        novel: Whether to use the style of the generalisation split.
        need: How often a question that needs high resolution is wanted, in [0, 0.9].
    """
    group = groups[int(rng.integers(len(groups)))]
    family = group[int(rng.integers(len(group)))]
    sheet = Sheet(canvas, draw_style(rng, novel), rng)
    questions = tuple(TASKS.find(family).draw(sheet))
    wanted = (True, False, None)[int(rng.choice(3, p=(need, 1.0 - MARGIN - need, MARGIN)))]
    numbers = [i for i, question in enumerate(questions) if question.need.high_res is wanted]
    numbers = numbers or list(range(len(questions)))
    return Scene(short_name(family), sheet, questions, numbers[int(rng.integers(len(numbers)))])


@dataclass(frozen=True)
class SceneImage:
    """Draws a scene's image when it is asked for."""

    seed: int
    split: str
    index: int
    canvas: int
    suite: str
    families: tuple[str, ...]
    need: float = NEED

    @property
    def name(self) -> str:
        """Which scene it is."""
        return f"world/{self.split}/{self.seed}/{self.index}"

    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.canvas, self.canvas

    def scene(self) -> Scene:
        """The scene, with the answers."""
        return _scene(self)

    def load(self) -> Image.Image:
        """Draws the scene; mode RGB."""
        return _scene(self).image()


@functools.lru_cache(maxsize=32)
def _scene(source: SceneImage) -> Scene:
    """Draws a scene; the last few are kept, for a sample's image is drawn soon after it.

    They are as many as an iteration of the default training has, whose high views come last.
    """
    rng = np.random.default_rng([source.seed, SPLITS[source.split][0], source.index])
    groups = (source.families,) if source.families else SUITES.find(source.suite)
    novel = source.split == "generalisation"
    return draw_scene(rng, source.canvas, groups, novel, source.need)


@dataclass(frozen=True)
class _Part:
    """The part of the world that is drawn."""

    split: str = setting(
        "train",
        "train, validation, test, or generalisation: faces, shades and layouts that the other "
        "splits never show.",
    )


@dataclass(frozen=True)
class WorldSettings:
    """What the embedded world draws."""

    seed: int = setting(
        0, "Seed of the world; the same seed gives the same bytes on every machine.", Numbers(0)
    )
    canvas: int = setting(
        CANVAS,
        "Side of the images, in pixels, from 112 to 2048: a multiple of 56, or of 64 for models "
        "whose visual tokens are 32 pixels wide.",
    )
    suite: str = setting("mixed", "mixed, ocr or general: which families are drawn.")
    families: tuple[str, ...] = setting(
        (), "Families to draw from, alike often, in place of the suite."
    )
    need: float = setting(
        NEED,
        "How often a question is asked that needs high resolution; one in ten lies in the margin, "
        "the others do not. A scene without such a question is asked another.",
        Numbers(0, 1.0 - MARGIN),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        for group in (*SUITES.find(self.suite), self.families):
            for family in group:
                TASKS.find(family)
        fits = any(self.canvas % block == 0 for block in BLOCKS)
        if not SMALLEST <= self.canvas <= LARGEST or not fits:
            raise ConfigError(
                f"canvas must be a multiple of {BLOCKS[0]} or {BLOCKS[1]} from {SMALLEST} to "
                f"{LARGEST}, got {self.canvas}."
            )


@dataclass(frozen=True)
class World(WorldSettings, _Part):
    """The embedded procedural world: exact answers, known need for resolution, no downloads.

    Its settings are `split` and those of `WorldSettings`, in the order split, seed, canvas, suite,
    families, need. `Sample.meta` holds ``proof`` and ``why`` (how the need is known), ``scale``
    (the least share of each side at which the question can be answered, for ladders) and ``box``
    (the part of the original that suffices, for crops).

    Raises:
        UnknownNameError: If the split, the suite or a family is unknown.
        ConfigError: If the canvas is out of range, or the seed negative.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)

    @property
    def name(self) -> str:
        """Name for logs."""
        return f"world/{self.split}"

    def __len__(self) -> int:
        return SPLITS[self.split][1]

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} samples, not index {index}.")
        families = tuple(self.families)
        image = SceneImage(
            self.seed, self.split, index, self.canvas, self.suite, families, self.need
        )
        scene = image.scene()
        question = scene.question
        need = question.need
        return Sample(
            sample_id=f"{self.split}-{self.seed}-{index}",
            question=question.text,
            answers=(question.answer,),
            image=image,
            family=scene.family,
            kind=question.kind,
            choices=question.choices,
            needs_high_res=need.high_res,
            meta={"proof": need.proof, "why": need.why, "scale": need.scale, "box": question.box},
        )

    def image_size(self, index: int) -> tuple[int, int]:  # noqa: ARG002 - they are all alike
        """Width and height of an image, in pixels. Draws nothing."""
        return self.canvas, self.canvas

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none. Draws nothing."""
        prefix, _, digits = sample_id.rpartition("-")
        known = prefix == f"{self.split}-{self.seed}" and digits.isdecimal() and digits.isascii()
        if not known or len(digits) > len(str(len(self))) or digits != str(int(digits)):
            return None
        return int(digits) if int(digits) < len(self) else None
