"""Files of rows: JSON lines, a JSON array, CSV and TSV, each also packed by gzip.

Rows are found once, from the start to the end; afterwards each is read from its place in the file.
Of a packed file the unpacked contents are held in memory, for there are no places to go to.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vt_env.data.delimited import Delimited, looks_delimited
from vt_env.data.row_formats import BLANK, FoundRow, JsonArray, JsonLines, RowFormat
from vt_env.data.schemas import RowError
from vt_env.data.text import quoted
from vt_env.errors import DataError, DatasetError

ROW_FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""Names that files of rows end in; ``.gz`` may follow."""
READ = (
    "JSON lines (.jsonl), a JSON array (.json), .csv, .tsv, each also with .gz, .parquet, a folder "
    "of parquet files or one saved by datasets, and hf:owner/name"
)
MAX_UNPACKED = 4 * 2**30
"""Bytes that a packed file may unpack to, for they are held in memory."""
_GZIP = b"\x1f\x8b"
_HEAD = 2**16


@dataclass(frozen=True)
class RowFile:
    """A file of rows, and how to read it.

    Attributes:
        path: The file.
        format: How rows lie in it.
        contents: What a packed file holds; None where the file itself is read.
    """

    path: Path
    format: RowFormat
    contents: bytes | None = field(default=None, repr=False)

    @property
    def length(self) -> int:
        """Bytes of all rows, at least 1."""
        return max(1, self.path.stat().st_size if self.contents is None else len(self.contents))

    def open(self) -> BinaryIO:
        """Opens what holds the rows."""
        return self.path.open("rb") if self.contents is None else io.BytesIO(self.contents)

    def rows(self) -> Iterator[FoundRow]:
        """Yields every row in order."""
        with self.open() as file:
            yield from self.format.rows(file)

    def read(self, start: int, end: int | None) -> object:
        """Reads the row between two offsets; None: the end of the file.

        Raises:
            RowError: If there is no row any more.
        """
        with self.open() as file:
            return self.format.read(file, start, self.length if end is None else end)


def row_file(path: Path) -> RowFile:
    """Finds out what sort of file it is, by its contents, and by its name where these do not say.

    Raises:
        DatasetError: With one line, where the file is none that is read; names those that are.
    """
    name = path.name.lower()
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DatasetError(
            [DataError(str(path), None, None, f"cannot be read ({error}).")], 0
        ) from error
    contents = None
    if head.startswith(_GZIP):
        contents = _unpacked(path)
        head, name = contents[:_HEAD], name.removesuffix(".gz")
    suffix = Path(name).suffix
    _refuse_binary(path, head)
    start = head.lstrip(BLANK)
    if suffix in (".csv", ".tsv"):
        return RowFile(path, _delimited(path, head, suffix), contents)
    if start.startswith(b"["):
        return RowFile(path, JsonArray(), contents)
    found = RowFile(path, JsonLines(), contents)
    if start.startswith(b"{"):
        _refuse_spread(found, head)
        return found
    if not start and suffix in ROW_FILES:
        return found
    if suffix not in (".jsonl", ".ndjson") or looks_delimited(head):
        advice = " (a table of text? Call it .csv or .tsv)" if looks_delimited(head) else ""
        _refuse(path, f"holds no JSON{advice}")
    return found


def _delimited(path: Path, head: bytes, suffix: str) -> Delimited:
    try:
        return Delimited.of(head, suffix)
    except RowError as error:
        raise DatasetError([DataError(str(path), 1, error.field, error.problem)], 0) from error


def _refuse(path: Path, problem: str) -> None:
    raise DatasetError([DataError(str(path), None, None, f"{problem}; what is read: {READ}.")], 0)


def _refuse_binary(path: Path, head: bytes) -> None:
    """Refuses what is no text, by how it begins."""
    known = {b"PAR1": "is parquet, but not called .parquet", b"PK\x03\x04": "is a zip archive",
             b"ARROW1": "is an Arrow file", b"SQLite": "is a database"}  # fmt: skip
    for start, problem in known.items():
        if head.startswith(start):
            _refuse(path, problem)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse(path, "is text in UTF-16; write it in UTF-8")
    if b"\x00" in head.strip(BLANK).partition(b"\n")[0][:1024]:
        _refuse(path, "is no text")


def _refuse_spread(file: RowFile, head: bytes) -> None:
    """Refuses a JSON object over several lines, each of which would be an error of its own."""
    first = head.strip(BLANK).splitlines()[0] if head.strip(BLANK) else b""
    if len(first) >= len(head.strip(BLANK)) or _is_json(first):
        return
    with file.open() as opened:
        text = opened.read().decode("utf-8-sig", "replace").lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return
    keys = ", ".join(map(str, value)) if isinstance(value, dict) else ""
    _refuse(file.path, f"holds an object over several lines, with {quoted(keys)}, not rows")


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unpacked(path: Path) -> bytes:
    """Unpacks a file into memory, up to a limit: a small one may unpack without end."""
    try:
        with gzip.open(path, "rb") as file:
            contents = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        problem = f"is not a whole gzip file ({error})."
        raise DatasetError([DataError(str(path), None, None, problem)], 0) from error
    if len(contents) > MAX_UNPACKED:
        _refuse(path, f"unpacks to more than {MAX_UNPACKED // 2**30} GiB; unpack it to read it")
    return contents
