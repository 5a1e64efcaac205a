"""Small files that would keep a decoder busy: refused by what is counted, before it starts."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from vt_env.errors import ConfigError, ImageError
from vt_env.images import directories, files
from vt_env.images.files import BytesImage, FileImage
from vt_env.images.work import ImageWork

PLAIN = Image.new("RGB", (16, 16), (250, 0, 0))
FEW = ImageWork(scans=12, parts=300, header_bytes=100_000, slow=1000)
"""Limits under which hostile files can be small; ordinary ones of these tests stay below them."""


def encoded(form: str, image: Image.Image = PLAIN, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(header: bytes = b"", **options: Any) -> bytes:
    data = encoded("JPEG", **options)
    return data[:2] + header + data[2:]


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encoded("JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


def segment(code: int, data: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(data) + 2) + data


def directory(*tags: tuple[int, int, int, int], values: bytes = b"", compression: int = 1) -> bytes:
    """A TIFF file of 16 x 16 grey pixels, or EXIF data, with further tags (number, type, …)."""
    known = [(256, 4, 1, 16), (257, 4, 1, 16), (258, 4, 1, 8), (259, 4, 1, compression),
             (262, 4, 1, 1), (273, 4, 1, 8), (278, 4, 1, 16), (279, 4, 1, 256)]  # fmt: skip
    changed = {tag[0] for tag in tags}
    entries = sorted([tag for tag in known if tag[0] not in changed] + list(tags))
    body = bytes(256) + values
    head = b"II*\x00" + struct.pack("<L", 8 + len(body)) + body
    packed = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return head + struct.pack("<H", len(entries)) + packed + bytes(4)


def same_bytes(count: int) -> bytes:
    """A directory in which many tags hold the same 2,000 bytes."""
    return directory(*((40_000 + n, 7, 2000, 264) for n in range(count)), values=bytes(2000))


def gif(blocks: bytes) -> bytes:
    data = encoded("GIF", PLAIN.quantize(2))
    start = 13 + (3 << (data[10] & 7) + 1)
    return data[:start] + blocks + data[start:]


def webp(chunks: bytes) -> bytes:
    body = encoded("WEBP")[12:] + chunks
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def png(*extra: bytes, rows: bytes = (b"\x00" + bytes(48)) * 16) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *extra, pixels, chunk(b"IEND")])


def run_lengths(rows: bytes, side: int = 16) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(rows), 0, 0, 256, 0)
    start = 14 + len(info) + 1024
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + bytes(1024) + rows


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg of many scans": (lambda: many_scans(20), "13 scans exceed the limit of 12 (work.scans)"),
    "jpeg of many segments": (lambda: jpeg(segment(0xE2, b"") * 400), "work.parts"),
    "jpeg of fill bytes": (lambda: jpeg(b"\xff" * 400), "work.parts"),
    "jpeg of stray bytes": (lambda: jpeg(b"\xff\x00" * 400), "work.parts"),
    "jpeg of large segments": (lambda: jpeg(segment(0xE2, bytes(60_000)) * 2), "work.header_bytes"),
    "jpeg of tables between scans": (
        lambda: many_scans(1)[:-2] + segment(0xDD, b"\x00\x00") * 400 + b"\xff\xd9", "work.parts",
    ),
    "exif whose tags hold the same bytes": (
        lambda: jpeg(segment(0xE1, b"Exif\x00\x00" + same_bytes(50))), "bytes of tags exceed",
    ),
    "directory of pictures, the same": (
        lambda: jpeg(segment(0xE2, b"MPF\x00" + same_bytes(50))), "bytes of tags exceed",
    ),
    "png of many chunks": (lambda: png(chunk(b"tIME") * 400), "work.parts"),
    "png of large header": (lambda: png(chunk(b"PLTE", bytes(120_000))), "work.header_bytes"),
    "gif of many comments": (lambda: gif(b"!\xfe\x01a\x00" * 400), "work.parts"),
    "gif of a long comment": (lambda: gif(b"!\xfe" + b"\xff" + bytes(255) * 400), "work.parts"),
    "gif of stray bytes": (lambda: gif(b"x" * 400), "work.parts"),
    "webp of many chunks": (lambda: webp(b"abcd\x00\x00\x00\x00" * 400), "work.parts"),
    "tiff whose tags hold the same bytes": (lambda: same_bytes(50), "bytes of tags exceed"),
    "tiff of many strips": (
        lambda: directory((273, 4, 400, 264), values=bytes(1600)), "work.parts",
    ),
    "tiff of many bits": (lambda: directory((258, 3, 400, 264), values=bytes(800)), "work.parts"),
    "tiff of a huge tile": (
        lambda: directory((322, 4, 1, 60_000), (323, 4, 1, 60_000), compression=8),
        "pixels of a tile exceed the limit",
    ),
    "pnm of a long comment": (lambda: b"P5 #" + b"x" * 400 + b"\n2 2 255\n\x00\x00\x00\x00",
                              "work.parts"),
    "pnm of many comments": (lambda: b"P2 2 2 255\n" + b"#\n" * 1001 + b"1 1 1 1\n",
                             "more than 1000 comments"),
    "pbm as text": (lambda: b"P1 16 16\n" + b"0 " * 600, "work.slow"),
    "ppm as text": (lambda: b"P3 16 16 255\n" + b"200 " * 768, "work.slow"),
    "ppm of an odd range": (lambda: b"P6 40 40 200\n" + bytes(4800), "work.slow"),
    "bmp by run lengths": (lambda: run_lengths((b"\x01\x05" * 16 + b"\x00\x00") * 16), "work.slow"),
    "bmp by run lengths, all skipped": (
        lambda: run_lengths(b"\x00\x02\x01\x00\x00\x00" * 4, side=40), "work.slow",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_work_is_counted_and_refused_before_it_is_done(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("decoded")

    make, message = HOSTILE[name]
    path = tmp_path / "hostile.img"
    path.write_bytes(make())
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    for image in (BytesImage(make(), str(path), work=FEW), FileImage(path, work=FEW)):
        for use in (image.load, image.check, lambda: image.load_reduced((4, 4))):  # noqa: B023
            with pytest.raises(ImageError) as caught:
                use()
            assert str(path) in str(caught.value)
            assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "wide"),
    [
        (lambda: many_scans(20), ImageWork(scans=40)),
        (lambda: jpeg(segment(0xE2, b"") * 400), ImageWork(parts=1000)),
        (lambda: b"P3 16 16 255\n" + b"200 " * 768, ImageWork(slow=4000)),
        (lambda: run_lengths((b"\x01\x05" * 16 + b"\x00\x00") * 16), ImageWork(slow=4000)),
    ],
)
def test_a_limit_that_is_raised_lets_it_through(make: Callable[[], bytes], wide: ImageWork) -> None:
    assert BytesImage(make(), work=wide).load().size == (16, 16)


@pytest.mark.parametrize(
    "make",
    [
        lambda: many_scans(0)[:-2] + bytes(2000) + b"\xff\xd9",
        lambda: png(chunk(b"IDAT", bytes(1000)), chunk(b"IDAT", bytes(1000))),
        lambda: directory((279, 4, 1, 3000), compression=8),
    ],
)
def test_compressed_pixels_beyond_what_pixels_can_take(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vt_env.images.work.FLOOR", 1000)
    with pytest.raises(ImageError, match=r"for 256 pixels exceed the limit of 1256 .*per_pixel"):
        BytesImage(make(), work=ImageWork(bytes_per_pixel=1)).load()


def profile(length: int) -> bytes:
    return bytes(36) + b"acsp" + bytes(length - 40)


def grey(*shape: int) -> Image.Image:
    return Image.fromarray(np.full(shape, 51_400, np.uint16))


def exif() -> bytes:
    found = Image.Exif()
    found[0x0112], found[0x010F], found[0x9286] = 1, "A camera", b"ASCII\x00\x00\x00" + b"x" * 3000
    return found.tobytes()


FRAMES = [Image.new("RGB", (64, 48), (n, 0, 0)).quantize(4) for n in range(30)]
ORDINARY: dict[str, Callable[[], bytes]] = {
    "progressive jpeg with profile and exif": lambda: encoded(
        "JPEG", Image.effect_noise((640, 480), 80).convert("RGB"), progressive=True, quality=95,
        icc_profile=profile(200_000), exif=exif(), comment=b"c" * 60_000,
    ),
    "jpeg with restarts": lambda: encoded(
        "JPEG", Image.effect_noise((640, 480), 80), quality=100, restart_marker_blocks=1
    ),
    "jpeg with a film behind it": lambda: encoded("JPEG") + bytes(20 * 2**20),
    "pictures in one file": lambda: encoded(
        "MPO", FRAMES[0].convert("RGB"), save_all=True,
        append_images=[frame.convert("RGB") for frame in FRAMES[1:3]],
    ),
    "16-bit png": lambda: encoded("PNG", grey(480, 640)),
    "png with profile and text": lambda: encoded("PNG", icc_profile=profile(500_000), exif=exif()),
    "animated png": lambda: encoded("PNG", FRAMES[0], save_all=True, append_images=FRAMES[1:]),
    "animated gif": lambda: encoded(
        "GIF", FRAMES[0], save_all=True, append_images=FRAMES[1:], comment=b"c" * 5000
    ),
    "animated webp": lambda: encoded(
        "WEBP", FRAMES[0].convert("RGB"), save_all=True, exif=exif(),
        append_images=[frame.convert("RGB") for frame in FRAMES[1:]],
    ),
    "tiff of many pages": lambda: encoded(
        "TIFF", FRAMES[0].convert("RGB"), save_all=True, compression="tiff_deflate",
        append_images=[frame.convert("RGB") for frame in FRAMES[1:]],
    ),
    "tiff of a strip a row": lambda: encoded("TIFF", grey(2000, 30), tiffinfo={278: 1}),
    "jpeg in tiff": lambda: encoded("TIFF", compression="jpeg"),
    "large tiff": lambda: encoded("TIFF", big_tiff=True),
    "ppm as text": lambda: b"P3 # by hand\n16 16\n255\n" + b"200 10 10\n" * 256,
    "12-bit pgm": lambda: b"P5\n# a scanner's\n500 400\n4095\n" + bytes(400_000),
    "bmp by run lengths": lambda: run_lengths(b"\x10\x05\x00\x00" * 16),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_images_are_far_below_the_limits(name: str, tmp_path: Path) -> None:
    data = ORDINARY[name]()
    path = tmp_path / "ordinary.img"
    path.write_bytes(data)
    for image in (BytesImage(data), FileImage(path)):
        image.check()
        with Image.open(path) as opened:
            assert image.load().size == image.size() == opened.size


def test_every_file_that_pillow_takes_for_a_tiff_is_walked_through() -> None:
    from PIL.TiffImagePlugin import PREFIXES

    assert set(directories.TIFF_STARTS) == set(PREFIXES)


@pytest.mark.parametrize("place", range(1, 24))
def test_a_directory_that_is_cut_off_is_pillows_to_judge(place: int) -> None:
    whole = directory(compression=8)
    for data in (
        whole[:-place],
        whole[: 8 + place],
        jpeg(segment(0xE1, b"Exif\x00\x00" + whole[place:])),
    ):
        try:
            BytesImage(data).load()
        except ImageError as error:
            assert "cannot be" in str(error) or "not an image" in str(error)


def test_exif_of_pictures_in_memory_is_looked_at_too() -> None:
    picture = Image.new("RGB", (20, 10))
    picture.info["exif"] = b"Exif\x00\x00" + same_bytes(50)
    assert files.orientation_of(picture) == 1


@pytest.mark.parametrize("name", ["scans", "parts", "header_bytes", "bytes_per_pixel", "slow"])
def test_limits_are_numbers(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be at least 1"):
        ImageWork(**{name: 0})
