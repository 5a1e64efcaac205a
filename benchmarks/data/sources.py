"""Where the data commands get their samples: the embedded world or a dataset of one's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from vt_env import DATASETS, ConfigError, Dataset, load_dataset
from vt_env.data.settings import DataSettings, check_sources, dataset_settings
from vt_env.settings.fields import PLUGINS, check_fields
from vt_env.tasks.world import WorldSettings

WORLD_SAMPLES = 1000
"""Samples of the world that a command takes unless told otherwise; of a file it takes all."""
SAMPLES = f"At most this many samples; 0: all of a file, {WORLD_SAMPLES} of the world."


@dataclass(frozen=True)
class DataSource:
    """A dataset as the command line names it."""

    plugins: tuple[str, ...] = PLUGINS
    data: DataSettings = field(default_factory=DataSettings)
    world: WorldSettings = field(default_factory=WorldSettings)

    def __post_init__(self) -> None:
        check_fields(self)
        check_sources(self.data, self.world)

    def settings(self) -> dict[str, object]:
        """The settings as `load_dataset` takes them."""
        return dataset_settings(self.data, self.world, self.data.split)

    def open(self) -> Dataset:
        """Loads the dataset.

        Raises:
            ConfigError: If a setting is not one of the dataset's.
            UnknownNameError: If a name is in no registry.
            DatasetError: If rows of a file cannot be used.
        """
        return load_dataset(self.data.name, **self.settings())

    def indices(self, dataset: Dataset, samples: int) -> range:
        """The first `samples` samples; 0: all of a file, `WORLD_SAMPLES` of the world.

        Raises:
            ConfigError: If `samples` is negative.
        """
        if samples < 0:
            raise ConfigError(f"samples must be at least 0, got {samples}.")
        default = WORLD_SAMPLES if self.data.name in DATASETS else len(dataset)
        return range(min(len(dataset), samples or default))
