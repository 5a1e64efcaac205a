"""Where samples come from: `load_dataset` turns a name or a path into a `Dataset`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.jsonl import JsonlDataset
from vt_env.samples import Dataset
from vt_env.tasks import World

DATASETS: dict[str, Callable[..., Dataset]] = {"world": World}
"""Datasets that need no files, by name."""


def load_dataset(data: str | Path | Dataset, **settings: Any) -> Dataset:
    """Returns the dataset that `data` means, validated whole.

    Args:
        data: A name in `DATASETS`, the path of a ``.jsonl`` file, or a dataset.
        **settings: Passed on: `World`'s (`split`, `seed`, `canvas`, `families`) or
            `JsonlDataset.load`'s (`root`, `confined`, `check`, …).

    Raises:
        UnknownNameError: If `data` is neither a known name nor an existing file.
        DatasetError: If rows of the file cannot be used; lists every one of them.
        ConfigError: If a setting is not one of the dataset's.
    """
    if not isinstance(data, str | Path):
        if not isinstance(data, Dataset):
            raise ConfigError(f"data is a name, a path or a Dataset, not {type(data).__name__}.")
        _check_settings("A Dataset object", (), settings)
        return data
    name = str(data)
    if name in DATASETS:
        factory = DATASETS[name]
        _check_settings(f"Dataset {name!r}", inspect.signature(factory).parameters, settings)
        return factory(**settings)
    if not Path(data).is_file():
        raise UnknownNameError("dataset, or file that does not exist,", name, DATASETS)
    known = [key for key in inspect.signature(JsonlDataset.load).parameters if key != "path"]
    _check_settings(f"Dataset {name!r}", known, settings)
    return JsonlDataset.load(data, **settings)


def find_sample(dataset: Dataset, sample_id: str) -> int:
    """Index of the sample called `sample_id`.

    A dataset may have a method ``index_of(sample_id) -> int | None``; without one, ids that end in
    their own index are found at once and others by a scan.

    Raises:
        ConfigError: If the dataset has no such sample.
    """
    index_of = getattr(dataset, "index_of", None)
    found = index_of(sample_id) if index_of else _guess(dataset, sample_id)
    if found is None:
        raise ConfigError(f"Dataset {dataset.name!r} has no sample {sample_id!r}.")
    return int(found)


def _guess(dataset: Dataset, sample_id: str) -> int | None:
    digits = sample_id[len(sample_id.rstrip("0123456789")) :]
    guess = int(digits) if 0 < len(digits) < 19 else len(dataset)
    if guess < len(dataset) and dataset[guess].sample_id == sample_id:
        return guess
    ids = (dataset[index].sample_id for index in range(min(len(dataset), MAX_SCAN)))
    return next((index for index, found in enumerate(ids) if found == sample_id), None)


MAX_SCAN = 10_000
"""Samples that `find_sample` looks at before it gives up."""


def _check_settings(what: str, known: Any, settings: dict[str, Any]) -> None:
    for key in settings:
        if key not in known:
            raise ConfigError(f"{what} takes {', '.join(known) or 'no settings'}; not {key!r}.")
