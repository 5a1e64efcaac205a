"""How much work an image may be: small files that would keep a decoder busy are refused.

A file of a few hundred kilobytes can hold thousands of scans over a large image, a few megabytes
millions of empty segments. So what there is to do is counted before any decoder starts, and counts
are compared with limits. No file is refused for how long it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from PIL import Image

from vt_env.errors import ImageError
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

FLOOR = 16 * 2**20
"""Bytes of compressed pixels that an image of any size may have."""
_COUNT = Numbers(1)


@dataclass(frozen=True)
class ImageWork:
    """What an image file may ask of its decoder; files that ask for more are refused."""

    scans: int = setting(
        32, "Scans of a JPEG, each of which passes over the whole image; usual are 1 to 12.", _COUNT
    )
    parts: int = setting(
        2**18,
        "Segments, chunks, blocks, strips and tiles of an image file, as its format calls them.",
        _COUNT,
    )
    header_bytes: int = setting(
        32 * 2**20, "Bytes of an image file before its pixels: profiles, comments and the like.",
        _COUNT,
    )  # fmt: skip
    bytes_per_pixel: int = setting(
        16,
        "Bytes of compressed pixels for each pixel, of JPEG, PNG and TIFF, beyond 16 MiB.",
        _COUNT,
    )
    slow: int = setting(
        4 * 2**20,
        "Bytes and pixels of images that Pillow decodes step by step in Python: PNM as text or of "
        "an odd range, BMP by run lengths.",
        _COUNT,
    )

    def __post_init__(self) -> None:
        check_fields(self)


WORK = ImageWork()
"""The limits unless told otherwise."""


class Tally:
    """Counts what an image asks for, and refuses it beyond the limits.

    Args:
        name: What to call the image in errors.
        work: The limits.

    Attributes:
        name: As given.
        work: As given.
    """

    def __init__(self, name: str, work: ImageWork) -> None:
        self.name, self.work = name, work
        self._parts = self._scans = 0

    def part(self, count: int = 1) -> None:
        """Counts segments, chunks and the like."""
        self._parts += count
        self._check(self._parts, "segments or other parts", "parts")

    def scan(self) -> None:
        """Counts a scan."""
        self._scans += 1
        self._check(self._scans, "scans", "scans")

    def header(self, length: int) -> None:
        """Is told how many bytes lie before the pixels."""
        self._check(length, "bytes before the pixels", "header_bytes")

    def packed(self, length: int, pixels: int) -> None:
        """Is told how many bytes the compressed pixels take."""
        most = FLOOR + self.work.bytes_per_pixel * pixels
        if length > most:
            what = f"bytes of compressed pixels for {pixels} pixels"
            self.refuse(length, what, most, "work.bytes_per_pixel")

    def slow(self, length: int, pixels: int) -> None:
        """Is told the bytes and the pixels of an image that is decoded step by step."""
        self._check(length, "bytes that are decoded step by step", "slow")
        self._check(pixels, "pixels that are decoded step by step", "slow")

    def _check(self, count: int, what: str, limit: str) -> None:
        if count > getattr(self.work, limit):
            self.refuse(count, what, getattr(self.work, limit), f"work.{limit}")

    def refuse(self, count: int, what: str, most: int, limit: str) -> NoReturn:
        """Refuses the image.

        Args:
            count: What was counted.
            what: What that is.
            most: How many there may be.
            limit: What says so.

        Raises:
            ImageError: Always.
        """
        raise ImageError(
            f"{self.name}: {count} {what} exceed the limit of {most} ({limit}); save the "
            "image anew as a plain PNG or JPEG, or raise the limit."
        )


def is_slow(image: Image.Image) -> bool:
    """Whether Pillow decodes an image in Python.

    Args:
        image: As it was opened, not decoded yet.
    """
    tiles = getattr(image, "tile", None)
    return tiles is not None and len(tiles) > 0 and tiles[0].codec_name in Image.DECODERS


def walk_gif(file: BinaryIO, tally: Tally) -> None:
    """Goes through the blocks of a GIF before its first frame."""
    head = file.read(13)
    if len(head) < 13:
        return
    if head[10] & 0x80:
        file.seek(3 << (head[10] & 7) + 1, 1)
    while (kind := file.read(1)) and kind not in b",;":
        tally.part()
        if kind != b"!":
            continue  # Pillow passes over what is no block, byte by byte
        file.read(1)
        while (length := file.read(1)) and length != b"\x00":
            tally.part()
            file.seek(length[0], 1)
        tally.header(file.tell())


def walk_webp(file: BinaryIO, tally: Tally) -> None:
    """Goes through the chunks of a WebP file, all of which its decoder lists."""
    file.seek(12)
    while len(start := file.read(8)) == 8:
        tally.part()
        length = int.from_bytes(start[4:], "little")
        file.seek(length + length % 2, 1)


_COMMENTS = 1000
"""Comments that a file of numbers as text may have; Pillow copies a block at each."""


def walk_pnm(file: BinaryIO, tally: Tally) -> None:
    """Goes through the head of a PNM file, byte by byte as Pillow does, and counts comments."""
    magic, tokens = file.read(2), 0
    wanted = 2 if magic in (b"P1", b"P4") else 3
    inside = comment = False
    while tokens < wanted and (byte := file.read(1)):
        tally.part()
        if comment:
            comment = byte not in b"\r\n"
        elif byte == b"#":
            comment = True
        elif byte.isspace():
            tokens += inside
            inside = False
        else:
            inside = True
    if magic not in (b"P1", b"P2", b"P3"):
        return
    comments = 0
    while block := file.read(2**20):
        comments += block.count(b"#")
        if comments > _COMMENTS:
            raise ImageError(
                f"{tally.name}: more than {_COMMENTS} comments between the numbers of its pixels; "
                "save the image anew, without them."
            )
