"""Directories of tags, of TIFF files and of EXIF data: how much they say that there is."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from vt_env.images.work import Tally

TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II\x00*", b"MM*\x00", b"II+\x00", b"MM\x00+")
"""How files begin that Pillow reads as TIFF."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
"""Bytes of a value, by its type."""
_WHOLE = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q"}
_BYTES = (1, 2, 6, 7)
"""Types whose values are read as a whole."""
_WIDTH, _HEIGHT, _COMPRESSION = 256, 257, 259
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_LENGTHS = (279, 325)
"""How many bytes each strip and each tile has."""


class Tag(NamedTuple):
    """An entry of a directory.

    Attributes:
        number: Which tag it is.
        kind: Type of its values.
        many: How many there are.
        place: Where in the file they begin.
    """

    number: int
    kind: int
    many: int
    place: int

    @property
    def length(self) -> int:
        """Bytes of all values."""
        return self.many * _SIZES.get(self.kind, 0)


class _Form(NamedTuple):
    """How numbers are written: TIFF, or BigTIFF."""

    order: str
    big: bool

    def number(self, data: bytes, sign: str) -> int:
        return int(struct.unpack_from(self.order + sign, data)[0])


def walk_tiff(file: BinaryIO, tally: Tally, max_pixels: int) -> None:
    """Reads the first directory of a TIFF file.

    Args:
        file: At its start.
        tally: Is told what there is.
        max_pixels: Most pixels of a tile.

    Raises:
        ImageError: If it is more than the limits allow.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) == b"MM\x00+":  # Pillow reads it as TIFF, the library below it as BigTIFF
        _directory(file, tally, size, big=False)
    form, tags = _directory(file, tally, size)
    values = {t.number: _values(file, form, t) for t in tags if t.number in _READ}
    first = {number: found[0] for number, found in values.items() if found}
    tile = first.get(_TILE_WIDTH, 0) * first.get(_TILE_HEIGHT, 0)
    if tile > max_pixels:
        tally.refuse(tile, "pixels of a tile", max_pixels, "max_image_pixels")
    if first.get(_COMPRESSION, 1) != 1:
        packed = max(sum(values.get(number, ())) for number in _LENGTHS)
        tally.packed(packed, first.get(_WIDTH, 0) * first.get(_HEIGHT, 0))


def check_directory(data: bytes, tally: Tally) -> None:
    """Looks at the first directory of EXIF data.

    Args:
        data: In the form of a TIFF file; empty for none.
        tally: Is told what there is.

    Raises:
        ImageError: If it is more than the limits allow.
    """
    data = data.removeprefix(b"Exif\x00\x00")
    if data:
        _directory(io.BytesIO(data), tally, len(data))


def _directory(
    file: BinaryIO, tally: Tally, size: int, big: bool = True
) -> tuple[_Form, list[Tag]]:
    """The tags of the first directory; none where there is no sound one."""
    file.seek(0)
    head = file.read(16)
    form = _Form("<" if head[:2] == b"II" else ">", big and b"+" in head[2:4])
    tags, whole = [], 0
    try:
        start = form.number(head[8:], "Q") if form.big else form.number(head[4:], "L")
        for tag in _tags(file, form, start, size):
            tally.part()
            if tag.kind not in _SIZES or tag.place + tag.length > size:
                continue  # unknown or cut off; Pillow leaves it out too
            whole += tag.length
            if tag.kind not in _BYTES:
                tally.part(tag.many)
            tags.append(tag)
    except struct.error:  # cut off
        pass
    if whole > size:  # the same bytes stand in several tags, each of which would be a copy
        tally.refuse(whole, "bytes of tags", size, "the length of what holds them")
    return form, tags


def _tags(file: BinaryIO, form: _Form, start: int, size: int) -> Iterator[Tag]:
    if start > size:
        return
    file.seek(start)
    entries = form.number(file.read(8 if form.big else 2), "Q" if form.big else "H")
    entry, inline = (20, 8) if form.big else (12, 4)
    for _ in range(entries):
        here = file.tell()
        number, kind = struct.unpack(form.order + "HH", file.read(4))
        rest = file.read(entry - 4)
        count = form.number(rest, "Q" if form.big else "L")
        tag = Tag(number, kind, count, here + entry - inline)
        if tag.length > inline:
            place = form.number(rest[inline:], "Q" if form.big else "L")
            tag = tag._replace(place=place)
        yield tag


def _values(file: BinaryIO, form: _Form, tag: Tag) -> tuple[int, ...]:
    """Whole numbers of a tag, whose count is within the limits."""
    sign = _WHOLE.get(tag.kind)
    if sign is None:
        return ()
    file.seek(tag.place)
    return struct.unpack(f"{form.order}{tag.many}{sign}", file.read(tag.length))


_READ = (_WIDTH, _HEIGHT, _COMPRESSION, _TILE_WIDTH, _TILE_HEIGHT, *_LENGTHS)
