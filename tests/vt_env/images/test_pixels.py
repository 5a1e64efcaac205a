"""Pixels of every depth: grey and colour of more than 8 bits, colour keys, unused alpha."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.vt_env.test_hostile_images import chunk, encode, png
from vt_env.errors import ImageError
from vt_env.images.pixels import to_rgb
from vt_env.images.views import BytesImage, FileImage, MemoryImage

WHITE = (255, 255, 255)
DEPTHS = [8, 10, 12, 14, 16]


def ramp(bits: int) -> np.ndarray[Any, Any]:
    """Black, the middle and the largest value of so many bits."""
    top = 2**bits - 1
    return np.array([[0, round(top / 2), top]], np.uint16)


def greys(image: Image.Image) -> list[int]:
    return [int(v) for v in np.asarray(image)[0, :, 0]]


@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_fewer_bits_in_16_fill_the_whole_range(bits: int, form: str) -> None:
    assert greys(encode(Image.fromarray(ramp(bits)), form).load()) == [0, 128, 255]


@pytest.mark.parametrize("bits", DEPTHS)
def test_every_wide_mode_is_scaled_alike(bits: int) -> None:
    values = ramp(bits)
    images = [
        Image.fromarray(values),
        Image.frombytes("I;16B", (3, 1), values.astype(">u2").tobytes()),
        Image.fromarray(values.astype(np.int32)),
        Image.fromarray(values.astype(np.float32)),
    ]
    assert [image.mode for image in images] == ["I;16", "I;16B", "I", "F"]
    for image in images:
        assert greys(to_rgb(image)) == [0, 128, 255], image.mode


def test_a_big_endian_tiff_is_scaled() -> None:
    buffer = io.BytesIO()
    Image.frombytes("I;16B", (3, 1), ramp(12).astype(">u2").tobytes()).save(buffer, "TIFF")
    assert greys(BytesImage(buffer.getvalue()).load()) == [0, 128, 255]


def test_the_smallest_depth_that_holds_the_data_is_taken() -> None:
    assert greys(to_rgb(Image.fromarray(np.array([[0, 1000, 3000]], np.uint16)))) == [0, 62, 187]
    assert greys(to_rgb(Image.fromarray(np.array([[0, 1000, 5000]], np.int32)))) == [0, 16, 78]
    assert greys(to_rgb(Image.fromarray(np.array([[0, 10**6, 5 * 10**6]], np.int32)))) == [
        *(0, 51, 255)
    ]
    assert greys(to_rgb(Image.fromarray(np.zeros((1, 2), np.uint16)))) == [0, 0]


def test_a_range_that_the_file_says_is_taken() -> None:
    """A PGM says its largest value, a TIFF how many bits are used."""
    dark = b"P5 2 1 65535\n" + struct.pack(">HH", 0, 257 * 10)
    assert greys(BytesImage(dark).load()) == [0, 10]
    twelve = b"P5 2 1 4095\n" + struct.pack(">HH", 0, 819)
    assert greys(BytesImage(twelve).load()) == [0, 51]
    packed = tiff(bits=12, size=(2, 1), data=bytes([0x33, 0x30, 0x00]))  # 0x333, 0x000
    assert greys(BytesImage(packed).load()) == [51, 0]


def tiff(bits: int, size: tuple[int, int], data: bytes) -> bytes:
    """An uncompressed little-endian grey TIFF."""
    tags = [(256, size[0]), (257, size[1]), (258, bits), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, size[1]), (279, len(data))]
    padded = data + b"\x00" * (len(data) % 2)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(padded))
    return start + padded + struct.pack("<H", len(tags)) + entries + b"\x00" * 4


def wide_png(
    colour: int, pixels: Sequence[Sequence[int]], key: Sequence[int] | None = None
) -> BytesImage:
    """A PNG one pixel high, 16 bits a channel."""
    row = b"\x00" + b"".join(struct.pack(">H", value) for pixel in pixels for value in pixel)
    extra = b"" if key is None else chunk(b"tRNS", b"".join(struct.pack(">H", v) for v in key))
    return BytesImage(png(len(pixels), 1, 16, colour, row, extra))


def test_a_16_bit_grey_key_is_transparent() -> None:
    loaded = wide_png(0, [[40000], [40001], [65535]], key=[40000]).load()
    assert greys(loaded) == [255, 156, 255]
    # What is not shown says nothing of the range: here 65535 means "no data".
    assert greys(wide_png(0, [[65535], [0], [4095]], key=[65535]).load()) == [255, 0, 255]


def test_a_16_bit_colour_key_is_compared_with_all_of_its_bits() -> None:
    key = (0x1234, 0x5678, 0x9ABC)
    same_high_bytes = (0x12FF, 0x5678, 0x9ABC)
    loaded = wide_png(2, [key, same_high_bytes, (0xFFFF, 0, 0)], key=key).load()
    assert [loaded.getpixel((x, 0)) for x in range(3)] == [WHITE, (0x12, 0x56, 0x9A), (255, 0, 0)]
    other = wide_png(2, [key, same_high_bytes], key=same_high_bytes).load()
    assert [other.getpixel((x, 0)) for x in range(2)] == [(0x12, 0x56, 0x9A), WHITE]


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_colours_of_fewer_bits_in_16_fill_the_whole_range(bits: int) -> None:
    top = 2**bits - 1
    loaded = wide_png(2, [[0, 0, 0], [top, 0, round(top / 2)]]).load()
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [(0, 0, 0), (255, 0, 128)]
    shown = wide_png(6, [[top, 0, 0, 65535], [top, 0, 0, 0]]).load()
    assert [shown.getpixel((x, 0)) for x in range(2)] == [(255, 0, 0), WHITE]


def test_colours_of_16_bits_keep_their_high_bytes() -> None:
    loaded = wide_png(2, [[0x1234, 0x5678, 0x9ABC], [0, 0, 0xFFFF]]).load()
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [(0x12, 0x56, 0x9A), (0, 0, 255)]


def test_a_wide_png_that_breaks_off_is_an_image_error() -> None:
    whole = wide_png(2, [[7, 8, 9]] * 400, key=(7, 8, 9)).data
    with pytest.raises(ImageError, match="cannot be decoded"):
        BytesImage(whole[:-30]).load()


@pytest.mark.parametrize(("bits", "data", "key"), [(1, 0x40, 0), (2, 0x60, 1), (4, 0x5A, 5)])
def test_a_grey_key_counts_in_the_files_own_depth(bits: int, data: int, key: int) -> None:
    image = BytesImage(png(2, 1, bits, 0, bytes([0, data]), chunk(b"tRNS", bytes([0, key]))))
    loaded = image.load()
    shown = [loaded.getpixel((x, 0)) for x in range(2)]
    assert shown[0] == WHITE
    assert shown[1] == {1: WHITE, 2: (170,) * 3, 4: (170,) * 3}[bits]


def bmp_with_alpha(pixels: bytes) -> bytes:
    """A 32-bit BMP that declares an alpha channel (BITMAPV4HEADER), two pixels wide."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks
    header += b"\x00" * (108 - len(header))
    start = b"BM" + struct.pack("<IHHI", 14 + 108 + len(pixels), 0, 0, 14 + 108)
    return start + header + pixels


def test_an_alpha_that_is_zero_everywhere_in_a_bmp_is_none() -> None:
    blank = BytesImage(bmp_with_alpha(bytes([10, 20, 200, 0, 30, 40, 50, 0])))
    assert [blank.load().getpixel((x, 0)) for x in range(2)] == [(200, 20, 10), (50, 40, 30)]
    used = BytesImage(bmp_with_alpha(bytes([10, 20, 200, 0, 30, 40, 50, 255])))
    assert [used.load().getpixel((x, 0)) for x in range(2)] == [WHITE, (50, 40, 30)]


@pytest.mark.parametrize("form", ["TGA", "ICO"])
def test_the_same_in_memory(form: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    Image.new("RGBA", (16, 16), (200, 20, 10, 0)).save(path, form)
    with Image.open(path) as image:
        assert MemoryImage(image).load().getpixel((3, 3)) == (200, 20, 10)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_where_alpha_is_meant_zero_is_transparent(form: str) -> None:
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    blank = Image.new("RGBA", (8, 8), (200, 20, 10, 0))
    assert encode(blank, form, **options).load().getpixel((3, 3)) == WHITE


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa"])
def test_every_mode_with_alpha_is_laid_on_white(mode: str) -> None:
    clear = Image.new("LA", (4, 4), (0, 0))
    if mode == "PA":
        made = Image.new("PA", (4, 4))
        made.putpalette([0] * 768)
        made.putalpha(0)
    else:
        made = clear.convert("RGBA").convert(mode) if mode == "RGBa" else clear.convert(mode)
    assert made.mode == mode
    assert MemoryImage(made).load().getpixel((1, 1)) == WHITE


def test_a_key_of_16_bits_in_memory_is_compared_by_its_high_bytes() -> None:
    with Image.open(io.BytesIO(wide_png(2, [(0x1234, 0, 0)], key=(0x1234, 0, 0)).data)) as image:
        assert MemoryImage(image).load().getpixel((0, 0)) == WHITE


def test_files_and_bytes_are_shown_alike(tmp_path: Path) -> None:
    image = wide_png(2, [(1000, 2000, 3000), (5, 6, 7)], key=(5, 6, 7))
    (tmp_path / "a.png").write_bytes(image.data)
    assert FileImage(tmp_path / "a.png").load().tobytes() == image.load().tobytes()
