"""Settings of a dataset, as trees of settings have them; what is None is the dataset's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vt_env.errors import ConfigError
from vt_env.images.work import ImageWork
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.tables.limits import TableLimits
from vt_env.tasks.world import WorldSettings

WORLD = "world"
"""Name of the embedded dataset."""


@dataclass(frozen=True)
class DataSettings:
    """A dataset and how it is read; what is None is as the dataset has it."""

    name: str = setting(
        WORLD,
        "world, or a dataset: a file of rows, a parquet file, a folder, hf:owner/name, or one of "
        "one's own.",
    )
    split: str | None = setting(
        None,
        "Part of the dataset; of the world: train, validation, test or generalisation (styles "
        "never seen). None: what the command is about.",
    )
    config: str | None = setting(
        None, "Configuration of a folder or a hub dataset. None: the only one."
    )
    root: Path | None = setting(None, "Folder that image paths start from. None: the file's own.")
    answers: str | None = setting(
        None,
        "What answers to questions with options are: index (from 0), letter or text. None: "
        "whatever names one option and no other.",
        ("index", "letter", "text"),
    )
    check: str | None = setting(
        None,
        "How images are checked. decode: every pixel; header: sizes and formats; none: rows only. "
        "None: decode for files of text, header for parquet.",
        ("decode", "header", "none"),
    )
    allow_urls: bool = setting(False, "Fetch images given as http(s) addresses.")
    confined: bool = setting(True, "Refuse image paths that leave the root.")
    cache_dir: Path | None = setting(
        None, "Where copies of hub datasets are kept. None: where `datasets` keeps them."
    )
    max_image_pixels: int | None = setting(
        None, "Images with more pixels are refused. None: as the reader has it.", Numbers(1)
    )
    max_image_bytes: int | None = setting(
        None, "Image files with more bytes are refused. None: as the reader has it.", Numbers(1)
    )
    work: ImageWork = field(default_factory=ImageWork)
    tables: TableLimits = field(default_factory=TableLimits)
    params: Mapping[str, Any] = setting({}, "Settings of a dataset of one's own, by name.")

    def __post_init__(self) -> None:
        check_fields(self)

    def given(self) -> dict[str, Any]:
        """What differs from the defaults, as `load_dataset` takes it; without name and split."""
        known = [item for item in fields(self) if item.name not in ("name", "split", "params")]
        values = {item.name: getattr(self, item.name) for item in known}
        plain = DataSettings()
        changed = {name for name in values if values[name] != getattr(plain, name)}
        return {name: values[name] for name in values if name in changed} | dict(self.params)


def dataset_settings(
    data: DataSettings, world: WorldSettings, split: str | None = None
) -> dict[str, Any]:
    """Settings of the dataset called `data.name`, as `load_dataset` takes them.

    Args:
        data: How a dataset of files is read.
        world: How the embedded world is drawn.
        split: The part; None: the dataset's own.
    """
    part = {} if split is None else {"split": split}
    return part | (asdict(world) if data.name == WORLD else data.given())


def check_sources(data: DataSettings, world: WorldSettings, *names: str | None) -> None:
    """Refuses settings of the world where there is none, and those of files where there are none.

    Args:
        data: Settings of datasets of files.
        world: Settings of the embedded world.
        *names: The datasets that are used; None: as `data` has it.

    Raises:
        ConfigError: Naming the setting.
    """
    used = {name or data.name for name in names or (None,)}
    changed = [f.name for f in fields(world) if getattr(world, f.name) != f.default]
    if changed and WORLD not in used:
        raise ConfigError(
            f"world.{changed[0]} is a setting of the embedded world, not of {data.name!r}."
        )
    if used == {WORLD} and data.given():
        raise ConfigError(
            f"data.{next(iter(data.given()))} is a setting of datasets of files, not of the world."
        )
