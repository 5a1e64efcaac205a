"""`TableDataset`: parquet files, read in place, and Hugging Face datasets, memory-mapped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vt_env.data.answers import AnswerForm, check_form
from vt_env.data.rows import ImageFiles, RowError, sample_from_row
from vt_env.data.splits import choose_files, visible
from vt_env.data.validation import ImageCheck, OnError, Progress, Validator, id_hash
from vt_env.errors import (
    ConfigError,
    DataError,
    DatasetError,
    UnknownNameError,
    VisionThinkError,
)
from vt_env.images.files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS
from vt_env.images.work import WORK, ImageWork
from vt_env.samples import Sample
from vt_env.tables.limits import LIMITS, TableLimits
from vt_env.tables.parquet import ParquetTable, refuse
from vt_env.tables.sizes import Sizes, row_sizes

HUB_PREFIX = "hf:"
"""Marks the id of a dataset on the Hugging Face hub, such as ``hf:owner/name``."""
BATCH_BYTES = 16 * 2**20


class Table(Protocol):
    """Rows in Arrow's form, not unpacked yet."""

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def batches(self) -> Iterator[tuple[Any, Sizes]]:
        """All rows in order, about `BATCH_BYTES` at once, and what each row takes unpacked."""
        ...

    def row(self, index: int) -> Any:
        """One row."""
        ...


class TableDataset:
    """Samples in the rows of a table; build it with `TableDataset.load`.

    Parquet files are read in place; what the `datasets` library downloaded or saved is
    memory-mapped by it. So memory does not grow with the rows, and a parquet file leaves no copy.
    """

    def __init__(
        self,
        name: str,
        source: str,
        table: Table,
        files: ImageFiles,
        answers: AnswerForm | None,
        hashes: npt.NDArray[np.uint64],
    ) -> None:
        self._name, self._source, self._table = name, source, table
        self._files, self._answers, self._id_hashes = files, answers, hashes

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
        answers: AnswerForm | None = None,
        check: ImageCheck = "header",
        cache_dir: str | Path | None = None,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        work: ImageWork = WORK,
        tables: TableLimits = LIMITS,
        progress: Progress | None = None,
        on_error: OnError | None = None,
    ) -> TableDataset:
        """Validates every row, then returns the dataset.

        Args:
            source: A ``.parquet`` file; a folder that `datasets` saved or that holds parquet
                files; or ``hf:owner/name``, which is downloaded.
            split: Which part, such as ``"train"``; needed when there are several.
            config: Which configuration of a folder or a hub dataset; needed when there are several.
            root: Folder that image paths are relative to; None: the source's own, for the hub the
                working directory.
            confined: Whether image paths that leave `root` are refused.
            allow_urls: Whether images at ``http://`` and ``https://`` addresses are fetched.
            answers: What answers to questions with options are, as for `JsonlDataset.load`.
            check: ``"decode"``, ``"header"`` or ``"none"``, as for `JsonlDataset.load`.
            cache_dir: Where `datasets` keeps what it downloads; None: its own choice.
            max_image_pixels: Images with more pixels are refused.
            max_image_bytes: Images with more bytes are refused.
            work: What else of an image is refused before decoding.
            tables: How large the table may be when it is unpacked.
            progress: Called now and then with the share of the rows that is checked.
            on_error: Called with every bad row when it is found.

        Raises:
            DatasetError: If rows cannot be used, with all of them; if there are none; if the
                source cannot be read, is beyond the limits, or the hub not be reached.
            UnknownNameError: If there is no such split, or `answers` is not one of the three.
            ConfigError: If the source holds no table, split or configuration are needed or not
                there (lists those there are), or the `datasets` library is missing.
        """
        source = str(source)
        check_form(answers)
        hub = source.startswith(HUB_PREFIX)
        path = Path(source.removeprefix(HUB_PREFIX))
        folder = Path() if hub else path if path.is_dir() else path.parent
        folder = Path(root) if root is not None else folder
        files = ImageFiles(folder, confined, max_image_pixels, max_image_bytes, allow_urls, work)
        validator = Validator(source, check, progress, on_error, folder)
        cache = str(cache_dir) if cache_dir else None
        table = _open(source, split, config, cache, tables)
        for index, record in enumerate(_records(source, table, tables)):
            read = functools.partial(_sample, record, index + 1, files, answers)
            validator.row(index + 1, read, index / len(table))
        name = str(path) if hub else path.stem
        return cls(name, source, table, files, answers, validator.finish())

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
            (record,) = _unpacked(self._table.row(index))
            return _sample(record, index + 1, self._files, self._answers)
        except RowError as error:
            raise DataError(self._source, index + 1, error.field, error.problem) from error

    def index_of(self, sample_id: str) -> int | None:
        """Index of the sample called `sample_id`; None when there is none."""
        for index in np.flatnonzero(self._id_hashes == np.uint64(id_hash(sample_id))):
            if self[int(index)].sample_id == sample_id:
                return int(index)
        return None


def _records(source: str, table: Table, limits: TableLimits) -> Iterator[dict[str, Any] | RowError]:
    """All rows in order; images as bytes and paths, not decoded."""
    whole = 0
    for batch, sizes in table.batches():
        whole += int(sizes.sum())
        if whole > limits.table_bytes:
            refuse(source, whole, "bytes when unpacked", limits.table_bytes, "table_bytes")
        yield from _records_of(batch, sizes, limits)


def _records_of(
    rows: Any, sizes: Sizes, limits: TableLimits
) -> Iterator[dict[str, Any] | RowError]:
    """Arrow rows as dicts, unpacked so many at once that they take about `BATCH_BYTES`.

    In place of a row that is too large, or has text that is no UTF-8, comes what is wrong with it.
    """
    start = 0
    while start < len(sizes):
        end = start + 1
        if sizes[start] > limits.row_bytes:
            yield RowError(None, f"takes {sizes[start]} bytes when unpacked; the limit is "
                                 f"{limits.row_bytes} (tables.row_bytes).")  # fmt: skip
        else:
            taken = np.cumsum(sizes[start:])
            end = start + max(1, int(np.searchsorted(taken, BATCH_BYTES, side="right")))
            yield from _unpacked(rows.slice(start, end - start))
        start = end


def _unpacked(rows: Any) -> list[dict[str, Any] | RowError]:
    try:
        return list(rows.to_pylist())
    except UnicodeDecodeError:
        return [_record(rows.slice(index, 1)) for index in range(rows.num_rows)]


def _record(row: Any) -> dict[str, Any] | RowError:
    record: dict[str, Any] = {}
    for place, name in enumerate(row.schema.names):
        try:
            record[name] = row.column(place)[0].as_py()
        except UnicodeDecodeError as error:
            return RowError(name, f"is not UTF-8 ({error.reason} at byte {error.start}).")
    return record


def _sample(
    record: dict[str, Any] | RowError, row: int, files: ImageFiles, answers: AnswerForm | None
) -> Sample:
    if isinstance(record, RowError):
        raise record
    return sample_from_row(record, str(row), files, answers)


class _Mapped:
    """A table that the `datasets` library has mapped into memory."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def batches(self) -> Iterator[tuple[Any, Sizes]]:
        row_bytes = self._table.data.nbytes / max(1, self._table.data.num_rows)
        rows = int(min(1000, max(1, BATCH_BYTES / max(1, row_bytes))))
        for start in range(0, len(self), rows):
            batch = self._table[start : start + rows]
            yield batch, row_sizes(batch)

    def row(self, index: int) -> Any:
        return self._table[index : index + 1]


def _open(
    source: str, split: str | None, config: str | None, cache_dir: str | None, limits: TableLimits
) -> Table:
    """Opens a source: parquet files in place, others by `datasets`."""
    path = Path(source)
    hub = source.startswith(HUB_PREFIX)
    try:
        import pyarrow  # noqa: F401

        if not hub and not _is_saved(path) and not _declares_configs(path):
            files = _parquet_files(path, split, config)
            return ParquetTable(source, files, limits, BATCH_BYTES)
        import datasets
    except ImportError as error:
        raise ConfigError(
            f"{source!r} needs the datasets library: pip install -e '.[data]'."
        ) from error
    try:
        if not hub and _is_saved(path):
            found = _saved(datasets, path, config)
        else:
            name = source.removeprefix(HUB_PREFIX)
            found = _from_hub(datasets, name, split, config, cache_dir)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        if isinstance(error, VisionThinkError):
            raise
        problem = f"cannot be read as a dataset ({' '.join(str(error).split())})."
        if isinstance(error, ConnectionError):
            problem += " " + _unreachable(bool(datasets.config.HF_HUB_OFFLINE))
        raise DatasetError([DataError(source, None, None, problem)], 0) from error
    if isinstance(found, list):
        return ParquetTable(source, found, limits, BATCH_BYTES)
    if isinstance(found, dict):
        found = _pick(found, split)
    if len(found) > limits.rows:
        refuse(source, len(found), "rows", limits.rows, "rows")
    return _Mapped(found.with_format("arrow"))


def _unreachable(offline: bool) -> str:
    advice = "give the path of a copy, or a cache_dir that holds a download"
    if offline:
        return f"HF_HUB_OFFLINE is set, so nothing is downloaded; unset it, {advice}."
    return f"Look whether this machine reaches the hub; where it cannot, {advice}."


def _is_saved(path: Path) -> bool:
    return (path / "state.json").is_file() or (path / "dataset_dict.json").is_file()


def _no_config(source: Path, config: str | None) -> None:
    if config is not None:
        raise ConfigError(
            f"config is for sources that start with {HUB_PREFIX!r} and for folders of several "
            f"configurations, not {str(source)!r}."
        )


def _saved(datasets: Any, path: Path, config: str | None) -> Any:
    _no_config(path, config)
    return datasets.load_from_disk(str(path))


def _parquet_files(path: Path, split: str | None, config: str | None) -> Sequence[Path]:
    """The files of a split of a folder, or the one file."""
    if path.is_file():
        _no_config(path, config)
        return [path]
    files = [file for file in path.rglob("*.parquet") if visible(file, path)]
    if not files:
        raise ConfigError(
            f"{path}: a folder with neither metadata.jsonl, parquet files nor a saved dataset."
        )
    return choose_files(path, files, split, config)


def _declares_configs(path: Path) -> bool:
    """Whether a folder is a copy of a hub repository whose card says which files are which."""
    card = path / "README.md"
    if not card.is_file():
        return False
    text = card.read_text(encoding="utf-8", errors="replace")[:1_000_000]
    head = re.match(r"\s*---\s*\n(.*?)\n---\s*(?:\n|$)", text, re.DOTALL)
    return head is not None and re.search(r"^configs\s*:", head[1], re.MULTILINE) is not None


def _from_hub(
    datasets: Any, name: str, split: str | None, config: str | None, cache_dir: str | None
) -> Any:
    """The parquet files of a repository's copy; of another the dataset, downloaded by splits."""
    try:
        builder = datasets.load_dataset_builder(name, config, cache_dir=cache_dir)
    except ValueError as error:  # a configuration that is missing or unknown; lists those known
        raise ConfigError(f"config={config!r}: {' '.join(str(error).split())}") from error
    parts = builder.config.data_files
    if Path(name).is_dir() and parts and _are_parquet(parts):
        return [Path(str(file)) for file in _pick(dict(parts), split)]
    builder.download_and_prepare()
    return builder.as_dataset()


def _are_parquet(parts: Any) -> bool:
    """Whether all files of all splits are parquet files of this machine."""
    files = [str(file) for split in parts.values() for file in split]
    return all(file.endswith(".parquet") and Path(file).is_file() for file in files)


def _pick(parts: dict[str, Any], split: str | None) -> Any:
    if split is None and len(parts) == 1:
        return next(iter(parts.values()))
    if split is None:
        raise ConfigError(f"split must be one of {', '.join(sorted(parts))}.")
    if split not in parts:
        raise UnknownNameError("split", split, parts)
    return parts[split]
