"""`TableDataset`: parquet files and Hugging Face datasets, memory-mapped, decoded on use."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vt_env.errors import (
    ConfigError,
    DataError,
    DatasetError,
    UnknownNameError,
    VisionThinkError,
)
from vt_env.image_files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from vt_env.rows import ImageFiles, RowError, sample_from_row
from vt_env.samples import Sample
from vt_env.validation import ImageCheck, OnError, Progress, Validator, id_hash

HUB_PREFIX = "hf:"
"""Marks the id of a dataset on the Hugging Face hub, such as ``hf:owner/name``."""
BATCH_BYTES = 16 * 2**20


class TableDataset:
    """Samples in the rows of an Arrow table; build it with `TableDataset.load`.

    The table is memory-mapped by the `datasets` library, so memory does not grow with the rows.
    """

    def __init__(
        self, name: str, source: str, table: Any, files: ImageFiles, hashes: npt.NDArray[np.uint64]
    ) -> None:
        self._name, self._source, self._table = name, source, table
        self._files, self._id_hashes = files, hashes

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        split: str | None = None,
        config: str | None = None,
        root: str | Path | None = None,
        confined: bool = True,
        allow_urls: bool = False,
        check: ImageCheck = "header",
        cache_dir: str | Path | None = None,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        progress: Progress | None = None,
        on_error: OnError | None = None,
    ) -> TableDataset:
        """Validates every row, then returns the dataset.

        Args:
            source: A ``.parquet`` file; a folder that `datasets` saved or that holds parquet
                files; or ``hf:owner/name``, which is downloaded.
            split: Which part, such as ``"train"``; needed when there are several.
            config: Which configuration of a hub dataset; needed when there are several.
            root: Folder that image paths are relative to; None: the source's own, for the hub the
                working directory.
            confined: Whether image paths that leave `root` are refused.
            allow_urls: Whether images at ``http://`` and ``https://`` addresses are fetched.
            check: ``"decode"``, ``"header"`` or ``"none"``, as for `JsonlDataset.load`.
            cache_dir: Where `datasets` keeps its copies; None: its own choice.
            max_image_pixels: Images with more pixels are refused.
            max_image_bytes: Images with more bytes are refused.
            progress: Called now and then with the share of the rows that is checked.
            on_error: Called with every bad row when it is found.

        Raises:
            DatasetError: If rows cannot be used, with all of them; if there are none; if the
                source cannot be read, or the hub not be reached.
            UnknownNameError: If there is no such split.
            ConfigError: If the source holds no table, there is no such configuration, or the
                `datasets` library is missing.
        """
        source = str(source)
        validator = Validator(source, check, progress, on_error)
        table = _open(source, split, config, str(cache_dir) if cache_dir else None)
        hub = source.startswith(HUB_PREFIX)
        path = Path(source.removeprefix(HUB_PREFIX))
        folder = Path() if hub else path if path.is_dir() else path.parent
        folder = Path(root) if root is not None else folder
        files = ImageFiles(folder, confined, max_image_pixels, max_image_bytes, allow_urls)
        for index, record in enumerate(_records(table)):
            read = functools.partial(sample_from_row, record, str(index + 1), files)
            validator.row(index + 1, read, index / len(table))
        return cls(str(path) if hub else path.stem, source, table, files, validator.finish())

    @property
    def name(self) -> str:
        """The file's or folder's name, or the hub id."""
        return self._name

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Sample:
        """Reads one row.

        Raises:
            IndexError: If there is no such row.
            DataError: If the row cannot be used any more.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} samples, not index {index}.")
        try:
            return _sample(self._table, index, self._files)
        except RowError as error:
            raise DataError(self._source, index + 1, error.field, error.problem) from error

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none."""
        for index in np.flatnonzero(self._id_hashes == np.uint64(id_hash(sample_id))):
            if self[int(index)].sample_id == sample_id:
                return int(index)
        return None


def _records(table: Any) -> Iterator[dict[str, Any]]:
    """All rows in order, read so many at once that they take about `BATCH_BYTES` of memory."""
    row_bytes = table.data.nbytes / max(1, table.data.num_rows)
    rows = int(min(1000, max(1, BATCH_BYTES / max(1, row_bytes))))
    for start in range(0, len(table), rows):
        yield from table[start : start + rows].to_pylist()


def _sample(table: Any, index: int, files: ImageFiles) -> Sample:
    """One row; the Arrow format gives images as bytes and paths, without decoding them."""
    return sample_from_row(table[index : index + 1].to_pylist()[0], str(index + 1), files)


def _open(source: str, split: str | None, config: str | None, cache_dir: str | None) -> Any:
    """Opens a source as a `datasets.Dataset` in Arrow format."""
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            f"{source!r} needs the datasets library: pip install 'visionthink[data]'."
        ) from error
    try:
        found = _read(datasets, source, split, config, cache_dir)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        if isinstance(error, VisionThinkError):
            raise
        problem = f"cannot be read as a dataset ({' '.join(str(error).split())})."
        if isinstance(error, ConnectionError):
            problem += " " + _unreachable(bool(datasets.config.HF_HUB_OFFLINE))
        raise DatasetError([DataError(source, None, None, problem)], 0) from error
    if isinstance(found, dict):
        found = _pick(found, split)
    return found.with_format("arrow")


def _unreachable(offline: bool) -> str:
    advice = "give the path of a copy, or a cache_dir that holds a download"
    if offline:
        return f"HF_HUB_OFFLINE is set, so nothing is downloaded; unset it, {advice}."
    return f"Look whether this machine reaches the hub; where it cannot, {advice}."


def _read(
    datasets: Any, source: str, split: str | None, config: str | None, cache_dir: str | None
) -> Any:
    path = Path(source)
    if source.startswith(HUB_PREFIX):
        return _from_hub(datasets, source.removeprefix(HUB_PREFIX), config, cache_dir)
    if config is not None:
        raise ConfigError(f"config is for sources that start with {HUB_PREFIX!r}, not {source!r}.")
    if path.is_file():
        return datasets.Dataset.from_parquet(str(path), cache_dir=cache_dir)
    if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
        return datasets.load_from_disk(str(path))
    return _parquet_folder(datasets, path, split, cache_dir)


def _from_hub(datasets: Any, name: str, config: str | None, cache_dir: str | None) -> Any:
    """Downloads a hub dataset unless it is in the cache; memory-mapped as the others are."""
    try:
        builder = datasets.load_dataset_builder(name, config, cache_dir=cache_dir)
    except ValueError as error:  # a configuration that is missing or unknown; lists those known
        raise ConfigError(f"config={config!r}: {' '.join(str(error).split())}") from error
    builder.download_and_prepare()
    return builder.as_dataset()


def _pick(parts: dict[str, Any], split: str | None) -> Any:
    if split is None and len(parts) == 1:
        return next(iter(parts.values()))
    if split is None:
        raise ConfigError(f"split must be one of {', '.join(sorted(parts))}.")
    if split not in parts:
        raise UnknownNameError("split", split, parts)
    return parts[split]


def _parquet_folder(datasets: Any, path: Path, split: str | None, cache_dir: str | None) -> Any:
    """Opens the parquet files under a folder; a split is the start of their names."""
    parts: dict[str, list[str]] = {}
    for file in sorted(path.rglob("*.parquet")):
        parts.setdefault(file.stem.split("-")[0], []).append(str(file))
    if not parts:
        raise ConfigError(
            f"{path}: a folder with neither metadata.jsonl, parquet files nor a saved dataset."
        )
    return datasets.Dataset.from_parquet(_pick(dict(parts), split), cache_dir=cache_dir)
