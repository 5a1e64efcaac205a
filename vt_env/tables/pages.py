"""The headers of parquet pages: what a column takes when it is unpacked, page by page.

The sizes in a parquet file's own summary are what its writer says. A reader makes room for what the
header in front of each page says, so that is what is added up here. Headers are structs in Thrift's
compact protocol, of which this reads what is needed (apache/parquet-format, `parquet.thrift`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

_FIRST, _LARGEST = 2**12, 2**24
"""Bytes of a header that are read at first, and at most."""
_UNPACKED, _PACKED = 2, 3
_KINDS = (5, 7, 8)
"""Fields that say more of a page of values, of a dictionary, and of a newer page of values."""
_DICTIONARY = 7
_COUNT = 1
_ENCODING = {5: 2, 8: 4}
"""Which field of a page of values says how they are written, by the kind of page."""
_REFERENCES = (2, 8)
_STRUCT = 12


class PageError(ValueError):
    """A page whose header is none."""


class Page(NamedTuple):
    """What a header says.

    Attributes:
        unpacked: Bytes of the page when it is unpacked.
        values: Values on it.
        dictionary: Whether it holds the values that other pages refer to.
        refers: Whether its values are references.
    """

    unpacked: int
    values: int
    dictionary: bool = False
    refers: bool = False


def pages(file: BinaryIO, start: int, end: int) -> Iterator[Page]:
    """Reads the headers of a column's pages.

    Args:
        file: A parquet file.
        start: Where the first page begins.
        end: Where the last one ends.

    Raises:
        PageError: If a header cannot be read.
    """
    while start < end:
        fields, length = _header(file, start, end - start)
        packed, unpacked = fields.get(_PACKED), fields.get(_UNPACKED)
        if (
            not isinstance(packed, int)
            or not isinstance(unpacked, int)
            or min(packed, unpacked) < 0
        ):
            raise PageError(f"the page at byte {start} does not say how long it is")
        kind = next((kind for kind in _KINDS if kind in fields), None)
        about = fields[kind] if kind is not None else {}
        refers = kind in _ENCODING and about.get(_ENCODING[kind]) in _REFERENCES
        yield Page(unpacked, about.get(_COUNT, 0), kind == _DICTIONARY, refers)
        start += length + packed


def _header(file: BinaryIO, start: int, most: int) -> tuple[dict[int, Any], int]:
    look = _FIRST
    while True:
        file.seek(start)
        reader = _Reader(file.read(min(look, most)))
        try:
            return reader.struct(0), reader.place
        except IndexError as error:
            if look >= min(_LARGEST, most):
                raise PageError(f"the page at byte {start} has no whole header") from error
            look *= 16


class _Reader:
    """Reads Thrift's compact protocol; `IndexError` where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > 8:
            raise PageError("a page's header is too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):
            return None
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind in (7, 8):
            self._skip(8 if kind == 7 else self._varint())
            return None
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise PageError(f"a page's header holds a field of type {kind}")

    def _byte(self) -> int:
        self.place += 1
        return self._data[self.place - 1]

    def _varint(self) -> int:
        value = shift = 0
        while shift < 64:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
        raise PageError("a page's header holds a number that does not end")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, length: int) -> None:
        self.place += length
        if self.place > len(self._data):
            raise IndexError
