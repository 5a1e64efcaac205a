"""PNG files down to what their pixels need: whatever else is packed beside them is never read.

Pillow refuses a sound picture for a colour profile or a text that unfolds to more than 1 MB, for a
wrong checksum in any chunk, and for texts under names that it uses itself. Like libpng, this reads
past ancillary chunks that are damaged, and refuses critical ones.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from vt_env.errors import ImageError
from vt_env.images.work import Tally

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_ANCILLARY = 0x20
_SHOWN = (b"tRNS", b"eXIf")
"""Ancillary chunks that change how the image is shown: transparency and orientation."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_ORIENTED = (b"Raw profile type exif", b"XML:com.adobe.xmp", b"exif")
"""Keywords of texts that may say the orientation."""
_MAX_TEXT_BYTES = 2**20
_MOST_TEXTS = 8
"""Texts of those keywords that are unpacked."""
_EMPTY_IDAT = b"\x00\x00\x00\x00IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
_STEPS = {"L;2": 85, "L;4": 17}
"""What one step of 2 or 4 bits is in 8."""
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
"""Pillow's name for the low bytes of what it calls so, of which it gives the high ones."""


def needed_chunks(file: BinaryIO, tally: Tally, pixels: bool = True) -> io.BytesIO:
    """Copies the chunks that say what is shown; what tells the orientation comes first.

    Args:
        file: A PNG file, at its start.
        tally: Is told what there is, and how to call it in errors.
        pixels: Whether the pixels are copied too.

    Raises:
        ImageError: If the checksum of a critical chunk is wrong, or it is more than the limits
            allow.
    """
    head, body, seen_pixels = [file.read(len(SIGNATURE))], list[bytes](), False
    texts = _Texts()
    while len(start := file.read(8)) == 8:
        tally.part()
        length, kind = struct.unpack(">I4s", start)
        if kind == b"IDAT" and not pixels:
            file.seek(length + 4, io.SEEK_CUR)
            body, seen_pixels = [_EMPTY_IDAT], True
            continue
        if kind[0] & _ANCILLARY and not _may_matter(kind, length):
            file.seek(length + 4, io.SEEK_CUR)
            continue
        data, checksum = file.read(length), file.read(4)
        whole = len(checksum) == 4
        sound = whole and struct.unpack(">I", checksum)[0] == zlib.crc32(data, zlib.crc32(kind))
        if kind[0] & _ANCILLARY:
            if sound and texts.matter(kind, data) and not (kind == b"tRNS" and seen_pixels):
                head.append(start + data + checksum)
            continue
        if whole and not sound and kind != b"IEND":
            raise ImageError(
                f"{tally.name}: cannot be decoded (the checksum of its chunk {kind!r} is wrong)."
            )
        seen_pixels = seen_pixels or kind == b"IDAT"
        (body if seen_pixels else head).append(start + data + checksum)
        if kind == b"IEND":
            break
    _tell(tally, head, body)
    return io.BytesIO(b"".join([*head, *body]))


def _may_matter(kind: bytes, length: int) -> bool:
    return kind in _SHOWN or (kind in _TEXTS and length <= _MAX_TEXT_BYTES)


def _tell(tally: Tally, head: list[bytes], body: list[bytes]) -> None:
    """Says how much there is to read of what was kept."""
    size = head[1][8:16] if len(head) > 1 else b""
    width, height = struct.unpack(">II", size) if len(size) == 8 else (0, 0)
    tally.header(sum(map(len, head)))
    tally.packed(sum(map(len, body)), width * height)


class _Texts:
    """Which ancillary chunks matter; of the texts among them the first `_MOST_TEXTS` at most."""

    def __init__(self) -> None:
        self._left = _MOST_TEXTS

    def matter(self, kind: bytes, data: bytes) -> bool:
        if kind in _SHOWN:
            return True
        keyword, _, text = data.partition(b"\x00")
        if keyword not in _ORIENTED or not self._left:
            return False
        self._left -= 1
        return kind == b"tEXt" or _unfolds_small(kind, text)


def _unfolds_small(kind: bytes, text: bytes) -> bool:
    """Whether a text that may be compressed stays within the limit."""
    if kind == b"iTXt":
        if text[:2] != b"\x01\x00":
            return text[:1] == b"\x00"  # not compressed
        packed = text[2:].split(b"\x00", 2)[-1]
    else:
        packed = text[1:]
    stream = zlib.decompressobj()
    try:
        stream.decompress(packed, _MAX_TEXT_BYTES - 1)
    except zlib.error:
        return False
    return not stream.unconsumed_tail


def rescale_key(image: Image.Image) -> None:
    """Brings the colour key of a PNG of 2 or 4 bits to 8 bits, as Pillow does with its pixels.

    Args:
        image: As it was opened, not decoded yet.
    """
    tiles, key = getattr(image, "tile", None), image.info.get("transparency")
    factor = _STEPS.get(str(tiles[0].args)) if image.format == "PNG" and tiles else None
    if factor is not None and isinstance(key, int) and key * factor <= 255:
        image.info["transparency"] = key * factor


def wide_raw_mode(image: Image.Image) -> str | None:
    """How the low bytes of a PNG's 16-bit colours are asked for; None where there are none.

    Args:
        image: As it was opened, not decoded yet.
    """
    tiles = getattr(image, "tile", None)
    if image.format != "PNG" or not tiles:
        return None
    return _LOW_BYTES.get(str(tiles[0].args))


def low_bytes(image: Image.Image, raw_mode: str) -> npt.NDArray[np.uint8]:
    """Decodes the low bytes of 16-bit colours.

    Args:
        image: As it was opened; used up.
        raw_mode: From `wide_raw_mode`.

    Returns:
        (H, W, 3 or 4).
    """
    tiles = image.tile  # type: ignore[attr-defined]
    image.tile = [tile._replace(args=raw_mode) for tile in tiles]  # type: ignore[attr-defined]
    return np.asarray(image)
