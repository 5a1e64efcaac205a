"""Images: every mode and orientation, hostile files, and real pictures."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.vt_env.helpers import ASTRONAUT, UNREADABLE, real_pictures
from vt_env.errors import ImageError
from vt_env.images.views import (
    FileImage,
    ImageLimits,
    ImageSource,
    MemoryImage,
    SharedImage,
    resample,
    shown_size,
    view,
)

QUADRANTS = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 0]]], np.uint8)
RED, GREEN, BLUE, YELLOW = (tuple(map(int, color)) for color in QUADRANTS.reshape(4, 3))


def quadrants(width: int = 40, height: int = 24) -> Image.Image:
    """Red, green above blue, yellow."""
    return Image.fromarray(QUADRANTS).resize((width, height), Image.Resampling.NEAREST)


def saved(image: Image.Image, path: Path, **options: Any) -> FileImage:
    image.save(path, **options)
    return FileImage(path)


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    width, height = image.size
    spots = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3)]
    return [tuple(int(v) for v in image.getpixel(spot)) for spot in spots]  # type: ignore[union-attr]


@pytest.mark.parametrize("path", real_pictures(), ids=lambda path: path.name)
def test_real_pictures_load_as_rgb(path: Path) -> None:
    image = FileImage(path)
    image.check()
    loaded = image.load()
    assert loaded.mode == "RGB"
    assert loaded.size == image.size()
    assert image.name == str(path)
    low = resample(loaded, shown_size(loaded.size, 0.5, ImageLimits()))
    assert np.asarray(low).shape == (low.height, low.width, 3)


def test_there_are_real_pictures_of_many_modes() -> None:
    modes = set()
    for path in real_pictures():
        with Image.open(path) as image:
            modes.add(image.mode)
    assert {"RGB", "RGBA", "L", "P"} <= modes
    assert len(real_pictures()) > 25


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".gif", ".ppm"])
def test_lossless_formats(tmp_path: Path, suffix: str) -> None:
    options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    loaded = saved(quadrants(), tmp_path / f"a{suffix}", **options).load()
    assert corners(loaded) == [RED, GREEN, BLUE, YELLOW]


def test_the_bytes_decide_the_format_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really_a_png.jpg"
    quadrants().save(path, format="PNG")
    assert corners(FileImage(path).load()) == [RED, GREEN, BLUE, YELLOW]


EXIF = {
    1: (RED, GREEN, BLUE, YELLOW),
    2: (GREEN, RED, YELLOW, BLUE),
    3: (YELLOW, BLUE, GREEN, RED),
    4: (BLUE, YELLOW, RED, GREEN),
    5: (RED, BLUE, GREEN, YELLOW),
    6: (BLUE, RED, YELLOW, GREEN),
    7: (YELLOW, GREEN, BLUE, RED),
    8: (GREEN, YELLOW, RED, BLUE),
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", EXIF)
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = saved(quadrants(40, 24), tmp_path / f"a{suffix}", exif=exif, quality=95)
    assert image.size() == ((24, 40) if orientation >= 5 else (40, 24))
    loaded = image.load()
    assert loaded.size == image.size()
    for found, expected in zip(corners(loaded), EXIF[orientation], strict=True):
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < 40


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_nonsense_orientations_are_ignored(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    loaded = saved(quadrants(), tmp_path / "a.png", exif=exif).load()
    assert corners(loaded) == [RED, GREEN, BLUE, YELLOW]


def test_broken_exif_does_not_spoil_a_sound_image(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    quadrants().save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\xff\xff\xff")
    assert FileImage(path).load().size == FileImage(path).size() == (40, 24)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_modes_in_memory(mode: str) -> None:
    image = Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode)
    loaded = MemoryImage(image).load()
    assert loaded.mode == "RGB"
    assert min(corners(loaded)[0]) >= 250


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.putpixel((4, 4), (255, 0, 0, 255))
    image.putpixel((5, 5), (0, 0, 0, 51))
    loaded = saved(image, tmp_path / "a.png").load()
    assert loaded.getpixel((0, 0)) == (255, 255, 255)
    assert loaded.getpixel((4, 4)) == (255, 0, 0)
    assert loaded.getpixel((5, 5)) == (204, 204, 204)
    assert MemoryImage(Image.new("LA", (2, 2), 0)).load().getpixel((0, 0)) == (255, 255, 255)


def test_palette_and_colour_key_transparency(tmp_path: Path) -> None:
    palette = quadrants().quantize(4)
    transparent = palette.getpixel((2, 2))
    by_palette = saved(palette, tmp_path / "p.png", transparency=transparent).load()
    assert corners(by_palette) == [(255, 255, 255), GREEN, BLUE, YELLOW]
    by_key = saved(quadrants(), tmp_path / "k.png", transparency=RED).load()
    assert corners(by_key) == [(255, 255, 255), GREEN, BLUE, YELLOW]
    gif = saved(palette, tmp_path / "g.gif", transparency=transparent).load()
    assert corners(gif) == [(255, 255, 255), GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_scaled(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    loaded = saved(Image.fromarray(values), tmp_path / f"a{suffix}").load()
    assert np.asarray(loaded)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([0.0, 2e5, 1e6], [0, 51, 255]),
        ([-3.0, 0.5, float("nan")], [0, 128, 0]),
    ],
)
def test_float_grey_is_scaled(tmp_path: Path, values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], np.float32))
    loaded = saved(image, tmp_path / "a.tif").load()
    assert np.asarray(loaded)[0, :, 0].tolist() == expected


def test_cmyk_jpeg(tmp_path: Path) -> None:
    loaded = saved(quadrants(64, 64).convert("CMYK"), tmp_path / "a.jpg", quality=95).load()
    assert max(abs(a - b) for a, b in zip(corners(loaded)[0], RED, strict=True)) < 40


def test_animations_show_their_first_frame(tmp_path: Path) -> None:
    frames = [quadrants(), Image.new("RGB", (40, 24), "black")]
    for suffix in (".gif", ".webp", ".tif", ".png"):
        path = tmp_path / f"a{suffix}"
        options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)
        assert corners(FileImage(path).load()) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (3, 2), (5000, 40)])
def test_odd_sizes_can_be_shown(tmp_path: Path, size: tuple[int, int]) -> None:
    image = saved(Image.new("RGB", size, "red"), tmp_path / "a.png")
    image.check()
    for scale in (0.1, 0.5, 1.0):
        view = resample(image.load(), shown_size(image.size(), scale, ImageLimits()))
        assert view.getpixel((0, 0)) == (255, 0, 0)


def test_too_elongated_images_are_refused_by_name(tmp_path: Path) -> None:
    image = saved(Image.new("L", (1, 201)), tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: 1x201 pixels are too elongated"):
        image.check(decode=False)


def refused(path: Path, message: str, **limits: int) -> None:
    image = FileImage(path, **limits)
    for use in (image.load, image.check):
        with pytest.raises(ImageError) as caught:
            use()
        assert message in str(caught.value)
        assert str(path) in str(caught.value)


def test_missing_files_folders_and_impossible_paths(tmp_path: Path) -> None:
    refused(tmp_path / "none.png", "no such image file")
    refused(tmp_path, "no such image file")
    refused(UNREADABLE, "not an image that can be read")
    refused(tmp_path / ("x" * 5000), "cannot be a file")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%!PS-Adobe"])
def test_files_that_are_no_images(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    refused(path, "a.png: ")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_found_by_check_and_load(
    tmp_path: Path, suffix: str, share: float
) -> None:
    buffer = io.BytesIO()
    with Image.open(ASTRONAUT) as image:
        picture = image.convert("P" if suffix == ".gif" else "RGB")
    picture.save(buffer, format={".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper()))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * share)])
    refused(path, f"a{suffix}: ")


def test_bytes_and_pixels_over_the_limits_are_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    quadrants(100, 100).save(path)
    refused(path, "100x100 pixels exceed the limit of 9999 pixels", max_image_pixels=9999)
    refused(path, "bytes exceed the limit of 50 bytes", max_image_bytes=50)
    assert FileImage(path, max_image_pixels=10_000).load().size == (100, 100)


def png_with_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_100, 12_000, 100_000])
def test_decompression_bombs_are_refused_without_a_warning(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_with_header(side, side))
    refused(path, "bomb.png: ")
    with pytest.raises(ImageError, match="bomb"):
        FileImage(path).size()


@given(
    data=st.binary(max_size=300),
    prefix=st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"BM",
            b"II*\x00",
            b"RIFF\x00\x00\x00\x00WEBP",
            b"P6",
        ]
    ),
)
def test_random_bytes_raise_nothing_but_image_errors(data: bytes, prefix: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        path.write_bytes(prefix + data)
        try:
            assert FileImage(path).load().mode == "RGB"
        except ImageError as error:
            assert "a.png" in str(error)


@given(st.integers(0, 2**32 - 1))
def test_flipped_bytes_raise_nothing_but_image_errors(seed: int) -> None:
    import tempfile

    rng = np.random.default_rng(seed)
    buffer = io.BytesIO()
    form = str(rng.choice(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"]))
    quadrants().save(buffer, format=form)
    data = bytearray(buffer.getvalue())
    for place in rng.integers(0, len(data), size=5):
        data[int(place)] = int(rng.integers(256))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        path.write_bytes(bytes(data))
        try:
            FileImage(path, max_image_pixels=10**6).load()
        except ImageError as error:
            assert "a.bin" in str(error)


def test_resample_leaves_the_right_size_alone() -> None:
    image = quadrants(56, 56)
    assert resample(image, (56, 56)) is image
    assert resample(image, (28, 28)).size == (28, 28)


def noisy_photo(path: Path, size: tuple[int, int], **options: Any) -> FileImage:
    with Image.open(ASTRONAUT) as image:
        picture = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    return saved(picture, path, quality=90, **options)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_low_view_of_a_jpeg_is_decoded_small(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = noisy_photo(tmp_path / "a.jpg", (1600, 1200), exif=exif)
    wanted = (390, 290) if orientation == 1 else (290, 390)
    reduced = image.load_reduced(wanted)
    assert reduced.size == ((400, 300) if orientation == 1 else (300, 400))
    assert image.load_reduced(image.size()).size == image.size()
    low = np.asarray(view(image, wanted), np.float64)
    reference = np.asarray(resample(image.load(), wanted), np.float64)
    assert np.abs(low - reference).mean() < 2.0  # grey levels of 255
    assert view(image, image.size()).tobytes() == image.load().tobytes()


def test_other_formats_are_decoded_whole(tmp_path: Path) -> None:
    image = saved(quadrants(160, 120), tmp_path / "a.png")
    assert image.load_reduced((10, 10)).size == (160, 120)
    assert view(MemoryImage(quadrants(80, 80)), (40, 40)).size == (40, 40)


def test_a_shared_image_makes_each_view_once_and_the_same(tmp_path: Path) -> None:
    alone = noisy_photo(tmp_path / "a.jpg", (800, 600))
    shared = SharedImage(alone)
    assert isinstance(shared, ImageSource)
    assert (shared.name, shared.size()) == (alone.name, (800, 600))
    for size in ((196, 140), (392, 308), (800, 600)):
        first = view(shared, size)
        assert first.tobytes() == view(alone, size).tobytes()
        assert view(shared, size) is first
    (tmp_path / "a.jpg").unlink()
    assert view(shared, (196, 140)).size == (196, 140)
    with pytest.raises(ImageError, match=r"a\.jpg: no such image file"):
        shared.load()
