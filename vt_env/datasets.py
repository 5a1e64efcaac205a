"""Where samples come from: `load_dataset` turns a name or a path into a `Dataset`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vt_env.errors import ConfigError, UnknownNameError, UnknownSettingError
from vt_env.jsonl import JsonlDataset
from vt_env.samples import Dataset
from vt_env.tables import HUB_PREFIX, TableDataset
from vt_env.tasks import World

DATASETS: dict[str, Callable[..., Dataset]] = {"world": World}
"""Datasets that need no files, by name."""
FOLDER_FILES = ("metadata.jsonl", "data.jsonl")
"""Files of rows that a folder is searched for, in this order."""


def load_dataset(data: str | Path | Dataset, **settings: Any) -> Dataset:
    """Returns the dataset that `data` means, validated whole.

    Args:
        data: A name in `DATASETS`; the path of a JSONL or parquet file; a folder with
            ``metadata.jsonl``, parquet files or a dataset saved by `datasets`; ``hf:owner/name``
            on the Hugging Face hub; or a dataset. Columns: see `vt_env.schemas`.
        **settings: Passed on: those of `World`, `JsonlDataset.load` or `TableDataset.load`.

    Raises:
        UnknownNameError: If `data` is neither a known name nor an existing file.
        DatasetError: If rows of the file cannot be used; lists every one of them.
        ConfigError: If a setting is not one of the dataset's.
    """
    if not isinstance(data, str | Path):
        if not isinstance(data, Dataset):
            raise ConfigError(f"data is a name, a path or a Dataset, not {type(data).__name__}.")
        _check_settings(data.name, None, settings)
        return data
    name = str(data)
    if name in DATASETS:
        _check_settings(name, DATASETS[name], settings)
        return DATASETS[name](**settings)
    path = Path(data)
    if name.startswith(HUB_PREFIX) or path.suffix == ".parquet" or path.is_dir():
        return _load_table(name, settings)
    return _load_lines(path, settings)


def _load_lines(path: Path, settings: dict[str, Any]) -> Dataset:
    if not path.is_file():
        raise UnknownNameError("dataset, or file that does not exist,", str(path), DATASETS)
    _check_settings(str(path), JsonlDataset.load, settings)
    return JsonlDataset.load(path, **settings)


def _load_table(source: str, settings: dict[str, Any]) -> Dataset:
    """Opens a parquet file, a hub id or a folder; a folder may hold lines too."""
    path = Path(source)
    for name in FOLDER_FILES:
        if (path / name).is_file():
            return _load_lines(path / name, settings)
    if not source.startswith(HUB_PREFIX) and not path.exists():
        raise UnknownNameError("dataset, or file that does not exist,", source, DATASETS)
    _check_settings(source, TableDataset.load, settings)
    return TableDataset.load(source, **settings)


def find_sample(dataset: Dataset, sample_id: str) -> int:
    """Index of the sample called `sample_id`.

    A dataset may have a method ``index_of(sample_id) -> int | None``, which is then asked. Without
    one, ids that end in their own index are found at once and others by a scan of the first
    `MAX_SCAN` samples.

    Raises:
        ConfigError: If the dataset has no such sample, or the scan did not come to it.
    """
    index_of = getattr(dataset, "index_of", None)
    found = index_of(sample_id) if index_of else _scan(dataset, sample_id)
    if found is None:
        advice = ""
        if index_of is None and len(dataset) > MAX_SCAN:
            advice = (
                f" among its first {MAX_SCAN}; reset by index, or give the dataset a method "
                f"index_of(sample_id)"
            )
        raise ConfigError(f"Dataset {dataset.name!r} has no sample {sample_id!r}{advice}.")
    return int(found)


def _scan(dataset: Dataset, sample_id: str) -> int | None:
    digits = sample_id[len(sample_id.rstrip("0123456789")) :]
    guess = int(digits) if 0 < len(digits) < 19 else len(dataset)
    if guess < len(dataset) and dataset[guess].sample_id == sample_id:
        return guess
    ids = (dataset[index].sample_id for index in range(min(len(dataset), MAX_SCAN)))
    return next((index for index, found in enumerate(ids) if found == sample_id), None)


MAX_SCAN = 10_000
"""Samples that `find_sample` looks at before it gives up."""


def _check_settings(
    source: str, loader: Callable[..., Dataset] | None, settings: dict[str, Any]
) -> None:
    known = list(inspect.signature(loader).parameters) if loader else []
    known = [key for key in known if key not in ("path", "source")]
    for key in settings:
        if key not in known:
            raise UnknownSettingError(key, {f"Dataset {source!r}": known})
