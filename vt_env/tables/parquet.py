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
from vt_env.tables.held import Held, spilled
from vt_env.tables.limits import TableLimits
from vt_env.tables.pages import PageError, pages
from vt_env.tables.sizes import Sizes, row_sizes

HELD_BYTES = 256 * 2**20
"""Bytes of Arrow data that are held for rows asked for next."""
MAX_ROWS = 1000
"""Rows that are read at once at most."""


AMPLIFIED = 16, 2**26
"""What is unpacked may take so many times what its pages do, and so many bytes more; where it could
take more, because the same values come again and again, it is read by reference."""


@dataclass(frozen=True)
class _Group:
    """A row group.

    Attributes:
        file: Which of the files it is in.
        number: Which of the file's groups it is.
        start: Rows of the table before it.
        rows: Its own.
        step: Rows that are read at once.
        size: Bytes of its pages, unpacked.
    """

    file: int
    number: int
    start: int
    rows: int
    step: int
    size: int


class ParquetTable:
    """The rows of parquet files, one after another.

    While all rows are read in order, what is repeated in a file stays repeated by reference, as
    dictionaries of Arrow. For rows in any order the groups read last are held, `HELD_BYTES` of
    them; a larger group is unpacked into a temporary file that has no name any more and is gone
    with the process.

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
        self._unpacked: dict[int, int] = {}
        self._rows = self._bytes = 0
        self._forget()
        with _Named(source):
            for number, path in enumerate(self._paths):
                self._add(number, path, batch_bytes)

    def _forget(self) -> None:
        self._held: OrderedDict[int, Held] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_held", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __len__(self) -> int:
        return self._rows

    def batches(self) -> Iterator[tuple[Any, Sizes]]:
        """All rows in order: record batches of Arrow, and what each of their rows takes unpacked.

        Raises:
            DatasetError: If the file cannot be read to its end.
        """
        for place in range(len(self._groups)):
            yield from self._sized(place)

    def row(self, index: int) -> Any:
        """One row, as a record batch.

        Raises:
            DatasetError: If the file cannot be read any more.
        """
        place = bisect.bisect_right(self._groups, index, key=lambda group: group.start) - 1
        group = self._groups[place]
        with self._lock, _Named(self._source):
            held = self._held.get(place) or self._hold(place)
            if held is None:
                return self._find(group, index - group.start)
            self._held.move_to_end(place)
            return held.row(index - group.start)

    def _sized(self, place: int) -> Iterator[tuple[Any, Sizes]]:
        whole = 0
        for piece in self._pieces(self._groups[place], True):
            sizes = row_sizes(piece)
            whole += int(sizes.sum())
            yield piece, sizes
        self._unpacked[place] = whole

    def _hold(self, place: int) -> Held | None:
        """Unpacks a group and holds it, unless it would become far larger."""
        group = self._groups[place]
        if place not in self._unpacked:
            for _ in self._sized(place):
                pass
        times, more = AMPLIFIED
        if self._unpacked[place] > times * group.size + more:
            return None
        pieces = self._pieces(group, False)
        large = self._unpacked[place] > HELD_BYTES
        held = spilled(pieces) if large else Held(list(pieces))
        self._held[place] = held
        while sum(other.size for other in self._held.values()) > HELD_BYTES:
            oldest = next(number for number, other in self._held.items() if other.size)
            del self._held[oldest]
        return held

    def _find(self, group: _Group, row: int) -> Any:
        start = 0
        for piece in self._pieces(group, True):
            if row < start + piece.num_rows:
                return piece.slice(row - start, 1)
            start += piece.num_rows
        raise ValueError(f"a row group has {start} rows, not {group.rows} as it says")

    def _pieces(self, group: _Group, by_reference: bool) -> Iterator[Any]:
        """A group's rows in order; with dictionaries for what may be repeated, or unpacked."""
        with _Named(self._source):
            known = self._dictionaries[group.file] if by_reference else []
            rows = 0
            with _opened(self._paths[group.file], known) as file:
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
                size = 0
                for column in columns:
                    unpacked, most = self._size(path, place, raw, column, size)
                    size += unpacked
                    text = column.physical_type == "BYTE_ARRAY"
                    if text and most > AMPLIFIED[0] * unpacked + AMPLIFIED[1]:
                        known.add(column.path_in_schema)
                step = max(1, min(MAX_ROWS, int(batch_bytes * group.num_rows / max(1, size))))
                if any("DELTA_BYTE_ARRAY" in column.encodings for column in columns):
                    step = max(1, min(step, batch_bytes // max(1, size)))
                rows = group.num_rows
                self._groups.append(_Group(number, place, self._rows, rows, step, size))
                self._count(group.num_rows, size)
            self._dictionaries.append(sorted(known))

    def _count(self, rows: int, size: int) -> None:
        self._rows += rows
        self._bytes += size
        for found, what, name in ((self._rows, "rows", "rows"),
                                  (self._bytes, "bytes when unpacked", "table_bytes")):  # fmt: skip
            if found > getattr(self._limits, name):
                refuse(self._source, found, what, getattr(self._limits, name), name)

    def _size(self, path: Path, place: int, raw: Any, column: Any, before: int) -> tuple[int, int]:
        """Bytes of a column of a row group as its pages say, and the most that references make."""
        size = dictionary = references = 0
        start = column.data_page_offset
        if column.dictionary_page_offset:
            start = min(start, column.dictionary_page_offset)
        for page in pages(raw, start, start + column.total_compressed_size):
            size += page.unpacked + 8 * page.values
            dictionary = max(dictionary, page.unpacked * page.dictionary)
            references += page.values * page.refers
            if before + size > self._limits.group_bytes:
                what = f"bytes of row group {place} when unpacked"
                refuse(str(path), before + size, what, self._limits.group_bytes, "group_bytes")
        return size, references * dictionary


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
