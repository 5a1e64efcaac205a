"""Where the data commands get their samples: the embedded world or a dataset of one's own."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env import DATASETS, ConfigError, Dataset, load_dataset

WORLD_SAMPLES = 1000
"""Samples of the world that a command takes unless told otherwise; of a file it takes all."""


@dataclass(frozen=True)
class DataSource:
    """A dataset as the command line names it; None leaves a setting to the dataset.

    Attributes:
        data: A name in `DATASETS`, a path, or ``hf:owner/name``.
        split: Part of the dataset.
        suite: Suite of the world.
        families: Families of the world, with commas between them.
        seed: Seed of the world.
        canvas: Side of the world's images, in pixels.
        config: Configuration of a folder or hub dataset.
        answers: What answers to questions with options are: index, letter or text.
    """

    data: str = "world"
    split: str | None = None
    suite: str | None = None
    families: str | None = None
    seed: int | None = None
    canvas: int | None = None
    config: str | None = None
    answers: str | None = None

    def settings(self) -> dict[str, object]:
        """The settings that were given, as `load_dataset` takes them."""
        given = {
            "split": self.split,
            "suite": self.suite,
            "families": _names(self.families),
            "seed": self.seed,
            "canvas": self.canvas,
            "config": self.config,
            "answers": self.answers,
        }
        return {name: value for name, value in given.items() if value is not None}

    def open(self) -> Dataset:
        """Loads the dataset.

        Raises:
            ConfigError: If a setting is not one of the dataset's.
            UnknownNameError: If a name is in no registry.
            DatasetError: If rows of a file cannot be used.
        """
        return load_dataset(self.data, **self.settings())

    def indices(self, dataset: Dataset, samples: int) -> range:
        """The first `samples` samples; 0: all of a file, `WORLD_SAMPLES` of the world.

        Raises:
            ConfigError: If `samples` is negative.
        """
        if samples < 0:
            raise ConfigError(f"samples must be at least 0, got {samples}.")
        default = WORLD_SAMPLES if self.data in DATASETS else len(dataset)
        return range(min(len(dataset), samples or default))


def _names(text: str | None) -> tuple[str, ...] | None:
    """Reads names with commas between them."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())
