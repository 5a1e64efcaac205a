"""Where samples come from: `load_dataset` turns a name or a path into a `Dataset`."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from judges import Registry, check_parameters, is_reference, load_plugins
from vt_env.data.jsonl import JsonlDataset
from vt_env.data.row_files import endings
from vt_env.data.splits import SPLIT_WORDS, choose_files, visible
from vt_env.data.tables import HUB_PREFIX, TableDataset
from vt_env.errors import ConfigError, UnknownNameError, UnknownSettingError
from vt_env.rewards import RewardConfig
from vt_env.samples import Dataset
from vt_env.tasks import World

DATASETS = Registry[Callable[..., Dataset]]("dataset")
"""What makes datasets that need no files, by name: classes and functions of their settings."""
DATASETS.register("world", World)
FOLDER_FILES = ("metadata.jsonl", "metadata.csv", "data.jsonl")
"""Files of rows that make a folder a dataset."""


def load_dataset(data: str | Path | Dataset, **settings: Any) -> Dataset:
    """Returns the dataset that `data` means, validated whole.

    Args:
        data: A name in `DATASETS`, or ``module:attribute``; the path of a file of rows
            (`vt_env.data.row_files`) or of parquet; a folder with ``metadata.jsonl``, parquet
            files, files of rows by split, or a dataset saved by `datasets`; ``hf:owner/name`` on
            the Hugging Face hub; or a dataset.
            Columns: see `vt_env.data.schemas`.
        **settings: Passed on: those of `World`, `JsonlDataset.load` or `TableDataset.load`.

    Raises:
        UnknownNameError: If `data` is neither a known name nor an existing file.
        DatasetError: If rows of the file cannot be used; lists every one of them.
        ConfigError: If a setting is not one of the dataset's.
        PluginError: If the module of ``module:attribute`` cannot be imported.
    """
    if not isinstance(data, str | Path):
        if not isinstance(data, Dataset):
            raise ConfigError(f"data is a name, a path or a Dataset, not {type(data).__name__}.")
        _check_settings(data.name, None, settings)
        return data
    name, path = str(data), Path(data)
    load_plugins()  # a schema or a format is not asked for by its name
    if name in DATASETS or (isinstance(data, str) and _is_made(data)):
        return _make(name, settings)
    if name.startswith(HUB_PREFIX) or path.suffix.lower() == ".parquet" or path.is_dir():
        return _load_table(name, settings)
    return _load_lines(path, settings)


def _is_made(name: str) -> bool:
    """Whether a name that is no file means ``module:attribute``."""
    return is_reference(name) and not name.startswith(HUB_PREFIX) and not Path(name).exists()


def _make(name: str, settings: dict[str, Any]) -> Dataset:
    factory = DATASETS.find(name)
    _check_settings(name, factory, settings)
    check_parameters(f"dataset {name!r}", factory, settings)
    made = factory(**settings)
    if not isinstance(made, Dataset):
        raise ConfigError(
            f"The dataset {name!r} must have a name, a length and samples by index; "
            f"got {type(made).__name__}."
        )
    return made


def _load_lines(path: Path, settings: dict[str, Any]) -> Dataset:
    if not path.is_file():
        raise UnknownNameError("dataset, or file that does not exist,", str(path), DATASETS)
    _check_settings(str(path), JsonlDataset.load, settings)
    return JsonlDataset.load(path, **settings)


def _load_table(source: str, settings: dict[str, Any]) -> Dataset:
    """Opens a parquet file, a hub id or a folder; a folder may hold files of rows too."""
    path = Path(source)
    hub = source.startswith(HUB_PREFIX)
    if not hub and not path.exists():
        raise UnknownNameError("dataset, or file that does not exist,", source, DATASETS)
    if not hub and path.is_dir():
        found = [name for name in FOLDER_FILES if (path / name).is_file()]
        tables = _tables(path, deep=not found)
        if len(found) > 1 or (found and tables):
            names = [*found, *sorted(str(file.relative_to(path)) for file in tables)][:6]
            raise ConfigError(f"{path} holds more than one dataset: give the path of one of "
                              f"{', '.join(names)}.")  # fmt: skip
        if found:
            return _load_lines(path / found[0], settings)
        rows = [] if tables else _row_files(path)
        if rows:
            return _load_row_folder(path, rows, settings)
    _check_settings(source, TableDataset.load, settings)
    return TableDataset.load(source, **settings)


def _tables(folder: Path, deep: bool) -> list[Path]:
    """Parquet files of a folder; beside rows, of whose images may be millions, not everywhere."""
    where = ["**"] if deep else ["", "data", *SPLIT_WORDS]
    found = (file for place in where for file in folder.glob(f"{place}/*.parquet".lstrip("/")))
    return [file for file in found if visible(file, folder)]


def _row_files(folder: Path) -> list[Path]:
    """Files of rows in a folder that holds no dataset saved by `datasets`."""
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        return []
    known = endings()
    return [
        file
        for file in folder.rglob("*")
        if file.name.lower().endswith(known) and file.is_file() and visible(file, folder)
    ]


def _load_row_folder(folder: Path, rows: list[Path], settings: dict[str, Any]) -> Dataset:
    """Opens the one file of rows of a split; its image paths start from its own folder."""
    given = {key: value for key, value in settings.items() if key not in ("split", "config")}
    files = choose_files(folder, rows, settings.get("split"), settings.get("config"))
    if len(files) > 1:
        names = ", ".join(str(file.relative_to(folder)) for file in files[:6])
        raise ConfigError(f"{folder} holds {len(files)} files of this split ({names}, …): a "
                          "dataset is one file of rows; join them, or write parquet.")  # fmt: skip
    return _load_lines(files[0], given)


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
    parameters = inspect.signature(loader).parameters.values() if loader else ()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.name not in ("path", "source")]
    for key in settings:
        if key not in known:
            raise UnknownSettingError(key, {f"Dataset {source!r}": known})


def setting_names(owner: Callable[..., Any]) -> list[str]:
    """Names of the settings that a class or function takes itself, not those it hands on."""
    parameters = inspect.signature(owner).parameters.values()
    return [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]


@contextmanager
def hands_on(owner: Callable[..., Any]) -> Iterator[None]:
    """Where `owner` hands settings on, an unknown one may be a misspelt setting of its own.

    Raises:
        UnknownSettingError: In place of the one that is raised inside, with the names of both.
    """
    try:
        yield
    except UnknownSettingError as error:
        hint = error.hint or _reward_hint(error.setting)
        raise error.among(owner.__name__, setting_names(owner), hint) from None


def _reward_hint(setting: str) -> str:
    """Weights of the reward are no settings of their own; says where they go."""
    names = [item.name for item in fields(RewardConfig)]
    close = difflib.get_close_matches(setting, names, n=1, cutoff=0.8)
    return f"It is set in rewards: rewards={{'{close[0]}': …}}." if close else ""
