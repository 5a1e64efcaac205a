"""CSV and TSV: cells of text under a line of column names."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from vt_env.data.row_formats import FoundRow
from vt_env.data.schemas import RowError

MAX_CELL = 2**30
"""Characters of the longest cell; one with an image in base64 is long."""
DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}
"""What may stand between cells, by the file's name; what the first line has most of does."""
KNOWN = frozenset({"question", "answer", "image", "problem", "prompt"})
"""A table of text has one of these columns."""
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Delimited:
    """A table of text with its columns in the first line.

    Cells are text as written (``007`` stays ``007``), an empty cell is an absent value, and the
    column ``index`` is the row's id where there is no ``id``. An image that is the index of
    another row is that row's image, as in VLMEvalKit's files.

    Attributes:
        columns: Names of the columns.
        delimiter: What stands between cells.
        places: Where the rows are that others take their image from; filled when one does.
    """

    columns: tuple[str, ...]
    delimiter: str
    places: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, head: bytes, suffix: str) -> Delimited:
        """Reads the column names.

        Args:
            head: The start of the file, with all of the first line.
            suffix: ``".csv"`` or ``".tsv"``.

        Raises:
            RowError: If names are empty or given twice.
        """
        first = head.decode("utf-8-sig", "surrogateescape").lstrip("\r\n")
        line = first.partition("\n")[0]
        delimiter = max(DELIMITERS[suffix], key=line.count)
        columns = next(_reader(iter([line]), delimiter), [])
        for name in columns:
            if columns.count(name) > 1:
                raise RowError(name, "is the name of two columns.")
        if not "".join(columns).strip():
            raise RowError(None, "expected the names of the columns in the first line.")
        return cls(tuple(columns), delimiter)

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        """Yields every row; a row may be several lines."""
        for start, line, cells in self._cells(file):
            yield FoundRow(start, line, functools.partial(self._row, file, cells))

    def read(self, file: BinaryIO, start: int, _end: int, /) -> object:
        """Reads the row at an offset."""
        file.seek(start)
        cells = next((found for _, _, found in _records(file, start, self.delimiter)), [])
        return self._row(file, cells)

    def _cells(self, file: BinaryIO) -> Iterator[tuple[int, int, list[str] | str]]:
        """Offset, line and cells of every row, the column names left out."""
        records = _records(file, 0, self.delimiter)
        next(records, None)
        return records

    def _row(self, file: BinaryIO, cells: list[str] | str) -> dict[str, Any]:
        if isinstance(cells, str):
            raise RowError(None, f"is not a row of a table ({cells}).")
        if len(cells) != len(self.columns):
            raise RowError(None, f"has {len(cells)} cells for {len(self.columns)} columns.")
        for name, cell in zip(self.columns, cells, strict=True):
            if not cell.isascii() and not _is_utf8(cell):
                raise RowError(name, "is not UTF-8; write the file anew in UTF-8.")
        row: dict[str, Any] = {
            name: cell or None for name, cell in zip(self.columns, cells, strict=True)
        }
        if row.get("tolerance") is not None:
            row["tolerance"] = _number(row["tolerance"])
        if row.get("needs_high_res") is not None:
            row["needs_high_res"] = _FLAGS.get(row["needs_high_res"].lower(), row["needs_high_res"])
        if "index" in row:
            row["image"] = self._image(file, row.get("image"))
            if "id" not in row:
                row["id"] = row.pop("index")
        return row

    def _image(self, file: BinaryIO, cell: str | None) -> str | None:
        """The image cell itself, or that of the row whose index it is."""
        if cell is None or not _is_index(cell):
            return cell
        after = file.tell()
        try:
            if not self.places:
                self.places.update(self._find_images(file))
            if cell not in self.places:
                return cell
            place = self.places[cell]
            file.seek(place)
            _, _, cells = next(_records(file, place, self.delimiter))
            return cells[self.columns.index("image")]
        finally:
            file.seek(after)

    def _find_images(self, file: BinaryIO) -> Iterator[tuple[str, int]]:
        """Index and offset of every row that has an image of its own."""
        index, image = self.columns.index("index"), self.columns.index("image")
        file.seek(0)
        for place, _, cells in self._cells(file):
            whole = isinstance(cells, list) and len(cells) == len(self.columns)
            if whole and cells[image] and not _is_index(cells[image]):
                yield cells[index], place


def _is_utf8(cell: str) -> bool:
    """Whether a cell holds none of the halves of surrogate pairs that other bytes became."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_index(cell: str) -> bool:
    return len(cell) < 20 and cell.isascii() and cell.isdigit()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _reader(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))
    return csv.reader(lines, delimiter=delimiter, strict=True)


class _Lines:
    """Lines of a file as text, and where the next one begins.

    Bytes that are no UTF-8 become halves of surrogate pairs, so that the cell can be named.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file, self.offset, self.line = file, offset, 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._file.readline()
        if not raw:
            raise StopIteration
        text = raw.removeprefix(b"\xef\xbb\xbf") if self.offset == 0 else raw
        self.offset += len(raw)
        self.line += 1
        return text.decode("utf-8", "surrogateescape")


def _records(
    file: BinaryIO, offset: int, delimiter: str
) -> Iterator[tuple[int, int, list[str] | str]]:
    """Offset, line and cells of every record from `offset` on; a text says what is wrong."""
    lines = _Lines(file, offset)
    reader = _reader(lines, delimiter)
    while True:
        start, line = lines.offset, lines.line
        try:
            cells: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = str(error)
        if cells:
            yield start, line, cells


def looks_delimited(head: bytes) -> bool:
    """Whether a text begins with a line of column names as tables of samples have them."""
    first = head.strip().partition(b"\n")[0].decode("utf-8", "replace")
    names = {
        name.strip().strip('"').lower()
        for delimiter in ",;\t"
        for name in first.split(delimiter)
        if delimiter in first
    }
    return bool(names & KNOWN)
