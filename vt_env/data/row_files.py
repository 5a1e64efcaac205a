"""Files of rows: JSON lines, a JSON array, CSV, TSV and formats of one's own, each also in gzip.

Rows are found once, from the start to the end; afterwards each is read from its place in the file.
Of a packed file the unpacked contents are held in memory, for there are no places to go to.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from vt_env.data.delimited import Delimited, looks_delimited
from vt_env.data.row_formats import (
    BLANK,
    ROW_FORMATS,
    FoundRow,
    JsonArray,
    JsonLines,
    NoRowsError,
    RowFormat,
)
from vt_env.data.schemas import RowError
from vt_env.data.text import quoted
from vt_env.errors import ConfigError, DataError, DatasetError

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
    ending = next((e for e in sorted(ROW_FORMATS, key=len)[::-1] if name.endswith(e)), None)
    opens = functools.partial(_open_text, ending=None) if ending is None else ROW_FORMATS[ending]
    try:
        rows: object = opens(head)
    except NoRowsError as error:
        _refuse(path, str(error))
    except RowError as error:
        raise DatasetError([DataError(str(path), 1, error.field, error.problem)], 0) from error
    if not isinstance(rows, RowFormat):
        kind = type(rows).__name__
        raise ConfigError(f"The format of {ending} files must have rows and read; it is a {kind}.")
    found = RowFile(path, rows, contents)
    if isinstance(rows, JsonLines) and head.lstrip(BLANK).startswith(b"{"):
        _refuse_spread(found, head)
    return found


def endings() -> tuple[str, ...]:
    """What names of files of rows end in."""
    return (*ROW_FORMATS, *(f"{ending}.gz" for ending in ROW_FORMATS))


def _open_text(head: bytes, *, ending: str | None) -> RowFormat:
    """The format of a text: of tables by its name, of JSON by its contents whatever its name."""
    _refuse_binary(head)
    if ending in (".csv", ".tsv"):
        return Delimited.of(head, ending)
    start = head.lstrip(BLANK)
    if start.startswith(b"["):
        return JsonArray()
    if not start.startswith(b"{") and (start or ending is None):
        table = looks_delimited(head)
        if ending not in (".jsonl", ".ndjson") or table:
            advice = " (a table of text? Call it .csv or .tsv)" * table
            raise NoRowsError(f"holds no JSON{advice}")
    return JsonLines()


for _ending in (".jsonl", ".ndjson", ".json", ".csv", ".tsv"):
    ROW_FORMATS.register(_ending, functools.partial(_open_text, ending=_ending))
_OURS = tuple(ROW_FORMATS)


def _refuse(path: Path, problem: str) -> NoReturn:
    own = "".join(f", {ending}" for ending in ROW_FORMATS if ending not in _OURS)
    read = (
        f"JSON lines (.jsonl), a JSON array (.json), .csv, .tsv{own}, each also with .gz, "
        ".parquet, a folder of parquet files or one saved by datasets, and hf:owner/name"
    )
    raise DatasetError([DataError(str(path), None, None, f"{problem}; what is read: {read}.")], 0)


def _refuse_binary(head: bytes) -> None:
    """Refuses what is no text, by how it begins."""
    known = {b"PAR1": "is parquet, but not called .parquet", b"PK\x03\x04": "is a zip archive",
             b"ARROW1": "is an Arrow file", b"SQLite": "is a database"}  # fmt: skip
    for start, problem in known.items():
        if head.startswith(start):
            raise NoRowsError(problem)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoRowsError("is text in UTF-16; write it in UTF-8")
    if b"\x00" in head.strip(BLANK).partition(b"\n")[0][:1024]:
        raise NoRowsError("is no text")


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
