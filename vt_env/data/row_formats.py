"""How rows lie in a file: the registry of formats, and those of JSON, one a line or in one array.

A format of one's own has a `RowFormat`, which finds rows and reads one again, and a function that
makes it of the first bytes of a file, registered under the ending of the files' names.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, runtime_checkable

from judges import Registry
from vt_env.data.schemas import RowError
from vt_env.data.text import quoted

_SPACE = re.compile(r"[ \t\n\r]*")
BLANK = b"\xef\xbb\xbf \t\r\n"
"""Bytes that mean nothing at the ends of a line: white space, and the mark of UTF-8."""


@dataclass(frozen=True)
class FoundRow:
    """Where a row is.

    Attributes:
        offset: Where it begins, in bytes.
        line: Its number, from 1: of its first line, in a JSON array of the row itself.
        read: Returns the row, or raises `RowError`.
    """

    offset: int
    line: int
    read: Callable[[], object]


@runtime_checkable
class RowFormat(Protocol):
    """How rows lie in a file; kept with the dataset, so it can be pickled."""

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        """Yields every row in order; what cannot be read raises when the row is."""
        ...

    def read(self, file: BinaryIO, start: int, end: int, /) -> object:
        """Reads the row that begins at an offset that `rows` gave.

        Args:
            file: The file.
            start: The row's offset.
            end: The next row's, or the file's length.

        Raises:
            RowError: If it cannot be read.
        """
        ...


class NoRowsError(ValueError):
    """Says why a file is not of a format: ``"is a zip archive"``."""


ROW_FORMATS = Registry[Callable[[bytes], RowFormat]](
    "format of row files",
    names=r"\.(?!(?:.*\.)?(?:gz|parquet)$)[^:\s/A-Z]+",
    named="the ending of their names in lower case, such as '.log' (.gz and .parquet are taken)",
)
"""How files of rows are read, by the ending of their names, after which ``.gz`` may follow.

``opens(head) -> RowFormat``, of the first bytes of a file, unpacked; it raises `NoRowsError` for a
file that is none of the format, and `RowError` for what is wrong with its first row.
"""


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line; blank lines are skipped."""

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        """Yields every line that is not blank."""
        offset = 0
        for number, raw in enumerate(file, start=1):
            if raw.strip(BLANK):
                yield FoundRow(offset, number, functools.partial(_parsed, raw))
            offset += len(raw)

    def read(self, file: BinaryIO, start: int, _end: int, /) -> object:
        """Reads the line at an offset."""
        file.seek(start)
        return _parsed(file.readline())


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RowError(None, f"is not UTF-8 ({error.reason} at byte {error.start}).") from error
    except (ValueError, RecursionError) as error:
        raise RowError(None, f"is not JSON ({error}).") from error


@dataclass(frozen=True)
class JsonArray:
    """A JSON array of objects; read whole when it is checked, not afterwards."""

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        """Yields every member; after a fault of the JSON itself no more can be found."""
        raw = file.read()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 ({error.reason} at byte {error.start})."
            yield FoundRow(0, 1, functools.partial(_fail, problem))
            return
        number, place = 1, _skip(text, text.index("[") + 1)
        offset = len(raw) - len(text.encode()) + len(text[:place].encode())
        del raw
        while number > 1 or text[place : place + 1] != "]":
            try:
                value, end = json.JSONDecoder().raw_decode(text, place)
            except (ValueError, RecursionError) as error:
                problem = f"is not JSON ({error}); the rows after it cannot be told."
                yield FoundRow(offset, number, functools.partial(_fail, problem))
                return
            yield FoundRow(offset, number, functools.partial(_given, value))
            end = _skip(text, end)
            if text[end : end + 1] != ",":
                place = end
                break
            number, start, place = number + 1, place, _skip(text, end + 1)
            offset += len(text[start:place].encode())
        if text[place : place + 1] != "]":
            problem = "expected a comma or the end of the JSON array; is the file whole?"
            yield FoundRow(offset, number, functools.partial(_fail, problem))
        elif rest := text[place + 1 :].strip():
            problem = f"follows the end of the JSON array: {quoted(rest)}."
            yield FoundRow(offset, number + 1, functools.partial(_fail, problem))

    def read(self, file: BinaryIO, start: int, end: int, /) -> object:
        """Reads the member between two offsets."""
        file.seek(start)
        raw = file.read(end - start)
        try:
            return json.JSONDecoder().raw_decode(raw.decode())[0]
        except (ValueError, RecursionError) as error:
            raise RowError(None, f"is not JSON ({error}).") from error


def _skip(text: str, place: int) -> int:
    """The first place from `place` on that is not white space."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _given(value: object) -> object:
    return value


def _fail(problem: str) -> object:
    raise RowError(None, problem)
