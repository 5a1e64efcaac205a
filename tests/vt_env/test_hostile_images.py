"""Images from strangers: odd encodings, bombs of every format, and paths that lead elsewhere."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from vt_env.data.rows import ImageFiles, RowError
from vt_env.errors import ImageError
from vt_env.images.views import BytesImage, FileImage

RED = (250, 0, 0)


def encode(image: Image.Image, form: str, **options: Any) -> BytesImage:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return BytesImage(buffer.getvalue())


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    body = extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


plain = Image.new("RGB", (16, 16), RED)
ENCODINGS: dict[str, Callable[[], BytesImage]] = {
    "jpeg": lambda: encode(plain, "JPEG", quality=95),
    "progressive jpeg": lambda: encode(plain, "JPEG", quality=95, progressive=True),
    "cmyk jpeg": lambda: encode(plain.convert("CMYK"), "JPEG", quality=95),
    "cmyk tiff": lambda: encode(plain.convert("CMYK"), "TIFF"),
    "palette png": lambda: encode(plain.quantize(8), "PNG"),
    "palette bmp": lambda: encode(plain.quantize(8), "BMP"),
    "palette tiff": lambda: encode(plain.quantize(8), "TIFF"),
    "gif": lambda: encode(plain, "GIF"),
    "lossless webp": lambda: encode(plain, "WEBP", lossless=True),
    "lossy webp": lambda: encode(plain, "WEBP", quality=95),
    "compressed tiff": lambda: encode(plain, "TIFF", compression="tiff_lzw"),
    "jpeg in tiff": lambda: encode(plain, "TIFF", compression="jpeg", quality=95),
    "opaque rgba png": lambda: encode(plain.convert("RGBA"), "PNG"),
    "opaque rgba webp": lambda: encode(plain.convert("RGBA"), "WEBP", lossless=True),
    "ppm": lambda: encode(plain, "PPM"),
    "16-bit rgb png": lambda: BytesImage(
        png(2, 2, 16, 2, (b"\x00" + struct.pack(">HHH", 250 * 257, 0, 0) * 2) * 2)
    ),
}
GREYS: dict[str, Callable[[], BytesImage]] = {
    "grey jpeg": lambda: encode(Image.new("L", (16, 16), 200), "JPEG", quality=95),
    "grey png": lambda: encode(Image.new("L", (16, 16), 200), "PNG"),
    "grey and alpha png": lambda: encode(Image.new("LA", (16, 16), (200, 255)), "PNG"),
    "16-bit png": lambda: encode(Image.fromarray(np.full((4, 4), 200 * 257, np.uint16)), "PNG"),
    "16-bit tiff": lambda: encode(Image.fromarray(np.full((4, 4), 200 * 257, np.uint16)), "TIFF"),
    "4-bit png": lambda: BytesImage(png(2, 2, 4, 0, b"\x00\xcc" * 2)),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_of_red(name: str) -> None:
    image = ENCODINGS[name]()
    image.check()
    loaded = image.load()
    assert (loaded.mode, loaded.size) == ("RGB", image.size())
    assert np.abs(np.asarray(loaded)[0, 0].astype(int) - RED).max() <= 12


@pytest.mark.parametrize("name", GREYS)
def test_encodings_of_grey(name: str) -> None:
    loaded = GREYS[name]().load()
    assert loaded.mode == "RGB"
    assert np.abs(np.asarray(loaded).astype(int) - 200).max() <= 4


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_half_transparent_black_is_grey_on_white(form: str) -> None:
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    loaded = encode(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), form, **options).load()
    assert loaded.getpixel((4, 4)) == (127, 127, 127)


HUGE = 60_000
BOMBS: dict[str, bytes] = {
    "png": png(HUGE, HUGE, 8, 2, b"\x00" * 1000),
    "gif": b"GIF89a" + struct.pack("<HHBBB", HUGE, HUGE, 0x80, 0, 0) + b"\x00" * 6
    + b"," + struct.pack("<HHHHB", 0, 0, HUGE, HUGE, 0) + b"\x08\x01\x00\x00;",
    "bmp": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, HUGE, HUGE, 1, 24, 0, 0, 0, 0, 0, 0) + b"\x00" * 50,
    "ppm": b"P6 %d %d 255\n" % (HUGE, HUGE),
    "jpeg": b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", HUGE, HUGE)
    + b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    + b"\xff\xda\x00\x0c\x03\x01\x00\x02\x00\x03\x00\x00?\x00",
    "png text": png(8, 8, 8, 2, (b"\x00" + b"\x00" * 24) * 8,
                    chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b"\x00" * 80_000_000))),
    "png profile": png(8, 8, 8, 2, (b"\x00" + b"\x00" * 24) * 8,
                       chunk(b"iCCP", b"a\x00\x00" + zlib.compress(b"\x00" * 80_000_000))),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_of_every_format_are_refused_or_harmless(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pixel of an image that is too large is ever decoded."""
    image = BytesImage(BOMBS[name], name)
    if "png " in name:  # the image is sound and small; what is packed beside it must not unfold
        try:
            assert image.load().size == (8, 8)
        except ImageError as error:
            assert name in str(error)
        return

    def fail(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    for use in (image.size, image.load, image.check, lambda: image.load_reduced((10, 10))):
        with pytest.raises(ImageError, match=f"{name}: .*(exceed|cannot be opened)"):
            use()


ELSEWHERE = [
    "../secret.png",
    "a/../../secret.png",
    "./../data/../secret.png",
    "link.png",
    "folder_link/secret.png",
    "loop.png",
    "{outside}/secret.png",
]
URLS = [
    "http://example.com/a.png",
    "HTTPS://example.com/a.png",
    "file:///etc/hostname",
    "s3://bucket/a.png",
    "hf://datasets/a/b.png",
    "ftp://a@b/c.png",
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dataset's folder with ways out of it, and a picture outside of it."""
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    plain.save(tmp_path / "secret.png")
    plain.save(folder / "a" / "in.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "folder_link").symlink_to(tmp_path)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "inner.png").symlink_to(folder / "a" / "in.png")
    return folder


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_path_leads_out_of_the_folder(data: Path, path: str) -> None:
    files = ImageFiles(data)
    text = path.format(outside=data.parent)
    with pytest.raises((RowError, ImageError)):
        files.source(text, "row").load()


def test_links_and_dots_inside_of_the_folder_are_fine(data: Path) -> None:
    files = ImageFiles(data)
    for text in ("a/in.png", "inner.png", "a/../a/in.png", "./a//in.png", str(data / "a/in.png")):
        assert files.source(text, "row").load().size == (16, 16)
    unconfined = ImageFiles(data, confined=False)
    for text in ("link.png", "../secret.png", str(data.parent / "secret.png")):
        assert unconfined.source(text, "row").load().size == (16, 16)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("confined", [True, False])
def test_urls_are_refused_unless_allowed(data: Path, url: str, confined: bool) -> None:
    for value in (url, {"path": url, "bytes": None}):
        with pytest.raises(RowError, match="is a URL; only files are read"):
            ImageFiles(data, confined=confined).source(value, "row")


@pytest.mark.parametrize("text", ["data:image/png;base64,AAAA", "~/a.png", "a\nb.png", "con", "*"])
def test_what_is_no_file_is_no_image(data: Path, text: str) -> None:
    image = ImageFiles(data).source(text, "row")
    assert isinstance(image, FileImage)
    with pytest.raises(ImageError, match="no such image file"):
        image.load()


def test_devices_and_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match="no such image file"):
            FileImage(path).load()
