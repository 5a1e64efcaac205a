"""The segments and scans of a JPEG, walked through as its decoder does, nothing decoded."""

from __future__ import annotations

import re
from typing import BinaryIO

from vt_env.images.directories import check_directory
from vt_env.images.work import Tally

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a length: restarts, the start."""
_FRAMES = tuple(code for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC))
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_LOOKS = (2**12, 2**20)
"""Bytes in which a marker is looked for, at first and then."""


def walk_jpeg(file: BinaryIO, tally: Tally, pixels: bool = True) -> None:
    """Goes through a JPEG: its segments, and the scans up to its end.

    Args:
        file: At its start.
        tally: Is told what there is.
        pixels: Whether the pixels will be decoded; else only what lies before them is walked
            through.

    Raises:
        ImageError: If it is more than the limits allow.
    """
    file.seek(2)
    area, begin, exif = 0, None, bytearray()
    while (code := _header_marker(file, tally) if begin is None else _next(file)) is not None:
        tally.part()
        if code == _EOI:
            break
        if code in _ALONE:
            continue
        length = int.from_bytes(file.read(2), "big") - 2
        if length < 0:
            break
        after = file.tell() + length
        if code in _FRAMES:
            frame = file.read(5)
            area = int.from_bytes(frame[1:3], "big") * int.from_bytes(frame[3:5], "big")
        elif code == _SOS:
            tally.scan()
            begin = after if begin is None else begin
            if not pixels:
                break
        elif begin is None and code in (0xE1, 0xE2):
            exif += _directory(code, file.read(length), tally)
        file.seek(after)
        if begin is None:
            tally.header(after)
    check_directory(bytes(exif), tally)
    if begin is not None:
        tally.packed(file.tell() - begin, area)


def _directory(code: int, data: bytes, tally: Tally) -> bytes:
    """What a segment adds to the EXIF data; a directory of several pictures is checked here."""
    if code == 0xE2 and data.startswith(b"MPF\x00"):
        check_directory(data[4:], tally)
    return data[6:] if code == 0xE1 and data.startswith(b"Exif\x00\x00") else b""


def _header_marker(file: BinaryIO, tally: Tally) -> int | None:
    """The next marker before the pixels; Pillow reads what lies between byte by byte."""
    while byte := file.read(1):
        if byte != b"\xff":
            tally.part()
            continue
        while byte == b"\xff":
            byte = file.read(1)
            tally.part()
        if byte and byte != b"\x00":
            return byte[0]
    return None


def _next(file: BinaryIO) -> int | None:
    """The next marker that ends a scan; None at the end of the file."""
    look, *larger = _LOOKS
    while True:
        start = file.tell()
        block = file.read(look)
        found = _MARKER.search(block)
        if found is not None:
            file.seek(start + found.end())
            return block[found.end() - 1]
        if len(block) < look:
            return None
        file.seek(start + look - 1)
        look = larger[0]
