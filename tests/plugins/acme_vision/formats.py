"""A format of files of rows: lines of ``key = value``, and a blank line after each row."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from vt_env import ROW_FORMATS
from vt_env.data import FoundRow, NoRowsError, RowError, RowFormat

HEAD = b"# acme\n"


@dataclass(frozen=True)
class AcmeBlocks:
    """Rows of several lines, found by the blank lines between them."""

    def rows(self, file: BinaryIO) -> Iterator[FoundRow]:
        offset, start, number, block = 0, 0, 1, b""
        for line, raw in enumerate(file, start=1):
            if raw.strip() and not block:
                start, number = offset, line
            offset += len(raw)
            if raw.strip() and raw != HEAD:
                block += raw
            elif block:
                yield FoundRow(start, number, functools.partial(_row, block))
                block = b""
        if block:
            yield FoundRow(start, number, functools.partial(_row, block))

    def read(self, file: BinaryIO, start: int, end: int, /) -> object:
        file.seek(start)
        return _row(file.read(end - start))


def _row(block: bytes) -> dict[str, str]:
    row = {}
    for line in block.decode("utf-8").strip().splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            raise RowError(None, f"expected 'key = value', got {line[:40]!r}.")
        row[key.strip()] = value.strip()
    return row


@ROW_FORMATS.register(".acme")
def open_acme(head: bytes) -> RowFormat:
    """Files that begin with their name."""
    if not head.startswith(HEAD):
        raise NoRowsError("does not begin with '# acme'")
    return AcmeBlocks()
