"""`ParquetTable`: parquet files read where they lie; nothing is copied, little held."""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vt_env.errors import DataError, DatasetError
from vt_env.tables.limits import TableLimits
from vt_env.tables.pages import PageError, pages

HELD_BYTES = 256 * 2**20
"""Bytes of Arrow data that are held for rows asked for next."""
MAX_ROWS = 1000
"""Rows that are read at once at most."""


@dataclass(frozen=True)
class _Group:
    """A row group.

    Attributes:
        file: Which of the files it is in.
        number: Which of the file's groups it is.
        start: Rows of the table before it.
        rows: Its own.
        step: Rows that are read at once.
    """

    file: int
    number: int
    start: int
    rows: int
    step: int


class _Held:
    """The pieces of a row group; none of a group that is too large to be held."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[Any] = []
        self.rows = self.size = 0

    def add(self, piece: Any) -> None:
        self.size += piece.nbytes
        if self.size > HELD_BYTES:
            self._pieces.clear()
        else:
            self._starts.append(self.rows)
            self._pieces.append(piece)
        self.rows += piece.num_rows

    def row(self, index: int) -> Any:
        place = bisect.bisect_right(self._starts, index) - 1
        return self._pieces[place].slice(index - self._starts[place], 1)


class ParquetTable:
    """The rows of parquet files, one after another.

    What is repeated in a file stays repeated by reference, as dictionaries of Arrow; the caller
    unpacks rows, having looked at their sizes. Rows are read by row groups, from the start of a
    group to the row, and the groups read last are held, `HELD_BYTES` of them. So rows in any order
    are fast where groups are small, as `datasets` writes them, or all of them fit.

    Args:
        source: What to call it in errors.
        paths: The files.
        limits: How large they may be.
        batch_bytes: Bytes that are read at once, about.

    Raises:
        DatasetError: If a file cannot be read, or is larger than the limits allow when unpacked.
    """

    def __init__(
        self, source: str, paths: Sequence[Path], limits: TableLimits, batch_bytes: int
    ) -> None:
        self._source, self._paths, self._limits = source, tuple(paths), limits
        self._groups: list[_Group] = []
        self._dictionaries: list[list[str]] = []
        self._rows = self._bytes = 0
        self._forget()
        with self._named():
            for number, path in enumerate(self._paths):
                self._add(number, path, batch_bytes)

    def _forget(self) -> None:
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_held", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __len__(self) -> int:
        return self._rows

    def batches(self) -> Iterator[Any]:
        """All rows in order, as record batches of Arrow.

        Raises:
            DatasetError: If the file cannot be read to its end.
        """
        for group in self._groups:
            yield from self._pieces(group)

    def row(self, index: int) -> Any:
        """One row, as a record batch.

        Raises:
            DatasetError: If the file cannot be read any more.
        """
        place = bisect.bisect_right(self._groups, index, key=lambda group: group.start) - 1
        group = self._groups[place]
        with self._lock:
            held = self._held.get(place)
            if held is None:
                return self._read_to(place, index - group.start)
            self._held.move_to_end(place)
            return held.row(index - group.start)

    def _read_to(self, place: int, row: int) -> Any:
        """Reads a row, and the whole group that it is in where that can be held."""
        held, found = _Held(), None
        for piece in self._pieces(self._groups[place]):
            start = held.rows
            held.add(piece)
            if start <= row < held.rows:
                found = piece.slice(row - start, 1)
            if found is not None and held.size > HELD_BYTES:
                return found
        if found is None:
            raise IndexError(f"{self._source} has no row {row} in its row group {place}.")
        if held.size <= HELD_BYTES:
            self._held[place] = held
            while sum(other.size for other in self._held.values()) > HELD_BYTES:
                self._held.popitem(last=False)
        return found

    def _pieces(self, group: _Group) -> Iterator[Any]:
        with self._named():
            file = _opened(self._paths[group.file], self._dictionaries[group.file])
            rows = 0
            with file:
                for piece in file.iter_batches(group.step, row_groups=[group.number]):
                    rows += piece.num_rows
                    yield piece
            if rows != group.rows:
                raise ValueError(f"a row group has {rows} rows, not {group.rows} as it says")

    def _add(self, number: int, path: Path, batch_bytes: int) -> None:
        """Takes a file's row groups, all of which are within the limits."""
        with _opened(path, []) as file, path.open("rb") as raw:
            about = file.metadata
            known: set[str] = set()
            for place in range(about.num_row_groups):
                group = about.row_group(place)
                if not group.num_rows:
                    continue
                columns = [group.column(n) for n in range(group.num_columns)]
                size = self._size(path, place, raw, columns)
                known |= {c.path_in_schema for c in columns if c.physical_type == "BYTE_ARRAY"}
                step = max(1, min(MAX_ROWS, int(batch_bytes * group.num_rows / max(1, size))))
                if any("DELTA_BYTE_ARRAY" in column.encodings for column in columns):
                    step = max(1, min(step, batch_bytes // max(1, size)))
                self._groups.append(_Group(number, place, self._rows, group.num_rows, step))
                self._count(group.num_rows, size)
            self._dictionaries.append(sorted(known))

    def _count(self, rows: int, size: int) -> None:
        self._rows += rows
        self._bytes += size
        for found, what, name in ((self._rows, "rows", "rows"),
                                  (self._bytes, "bytes when unpacked", "table_bytes")):  # fmt: skip
            if found > getattr(self._limits, name):
                refuse(self._source, found, what, getattr(self._limits, name), name)

    def _size(self, path: Path, place: int, raw: Any, columns: Sequence[Any]) -> int:
        """Bytes of a row group, unpacked, as its pages say."""
        size = 0
        for column in columns:
            start = column.data_page_offset
            if column.dictionary_page_offset:
                start = min(start, column.dictionary_page_offset)
            for page in pages(raw, start, start + column.total_compressed_size):
                size += page.unpacked + 8 * page.values
                if size > self._limits.group_bytes:
                    what = f"bytes of row group {place} when unpacked"
                    refuse(str(path), size, what, self._limits.group_bytes, "group_bytes")
        return size

    def _named(self) -> _Named:
        return _Named(self._source)


class _Named:
    """Turns what pyarrow raises into an error that names the source."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        known = (OSError, ValueError, NotImplementedError, MemoryError, pa.lib.ArrowException)
        if isinstance(error, (*known, PageError)):
            problem = f"cannot be read as a dataset ({' '.join(str(error).split())})."
            raise DatasetError([DataError(self._source, None, None, problem)], 0) from error


def refuse(source: str, found: int, what: str, most: int, limit: str) -> None:
    """Refuses a table beyond a limit.

    Raises:
        DatasetError: Always.
    """
    problem = (
        f"{found} {what} exceed the limit of {most} (tables.{limit}); raise it where the file is "
        "to be trusted."
    )
    raise DatasetError([DataError(source, None, None, problem)], 0)


def _opened(path: Path, dictionaries: list[str]) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, read_dictionary=dictionaries or None, memory_map=True)
