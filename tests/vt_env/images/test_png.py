"""PNG files: what is packed beside sound pixels never keeps them from being shown."""

import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.benchmarks.runner import invoke
from tests.vt_env.test_hostile_images import chunk
from vt_env.data.load import load_dataset
from vt_env.errors import DatasetError, ImageError
from vt_env.images.views import BytesImage, FileImage, MemoryImage

RED, BLUE, WHITE = (250, 0, 0), (0, 0, 250), (255, 255, 255)
BIG = 3_000_000
EXIF_SIDEWAYS = (
    b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    + (b"\x00" * 4)
)
XMP_SIDEWAYS = b'<x:xmpmeta tiff:Orientation="6"/>'


def broken(data: bytes) -> bytes:
    """A chunk with a wrong checksum."""
    return data[:-1] + bytes([data[-1] ^ 1])


def rows() -> bytes:
    """Four pixels by two: the left half red, the right half blue."""
    return (b"\x00" + bytes(RED) * 2 + bytes(BLUE) * 2) * 2


HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, 8, 2, 0, 0, 0))
IDAT = chunk(b"IDAT", zlib.compress(rows()))
END = chunk(b"IEND", b"")


def png(before: bytes = b"", after: bytes = b"", idat: bytes = IDAT) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + HEAD + before + idat + after + END


EXTRAS = {
    "compressed text of 3 MB": chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b"x" * BIG)),
    "international text of 3 MB": chunk(
        b"iTXt", b"a\x00\x01\x00\x00\x00" + zlib.compress(b"x" * BIG)
    ),
    "profile of 3 MB": chunk(b"iCCP", b"a\x00\x00" + zlib.compress(b"x" * BIG)),
    "bomb of 200 MB": chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b"\x00" * 200_000_000)),
    "70 MB of plain text": chunk(b"tEXt", b"a\x00" + b"x" * 70_000_000),
    "text with a wrong checksum": broken(chunk(b"tEXt", b"a\x00b")),
    "compressed text with a wrong checksum": broken(chunk(b"zTXt", b"a\x00\x00x")),
    "international text with a wrong checksum": broken(chunk(b"iTXt", b"a\x00\x00\x00\x00\x00b")),
    "profile with a wrong checksum": broken(chunk(b"iCCP", b"a\x00\x00x")),
    "time with a wrong checksum": broken(chunk(b"tIME", b"\x00" * 7)),
    "exif with a wrong checksum": broken(chunk(b"eXIf", EXIF_SIDEWAYS)),
    "colour key with a wrong checksum": broken(chunk(b"tRNS", struct.pack(">HHH", *RED))),
    "profile in an unknown compression": chunk(b"iCCP", b"a\x00\x07x"),
    "profile without an end": chunk(b"iCCP", b"a"),
    "text in an unknown compression": chunk(b"zTXt", b"a\x00\x07x"),
    "gamma cut off": chunk(b"gAMA", b"\x00"),
    "colours cut off": chunk(b"cHRM", b"\x00" * 5),
    "intent cut off": chunk(b"sRGB", b""),
    "resolution cut off": chunk(b"pHYs", b"\x00"),
    "animation cut off": chunk(b"acTL", b"\x00"),
    "frames out of order": chunk(b"acTL", struct.pack(">II", 2, 0))
    + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 4, 2, 0, 0, 1, 1, 0, 0)),
    "a text called as Pillow calls its own": chunk(b"tEXt", b"transparency\x00x")
    + chunk(b"tEXt", b"interlace\x00x")
    + chunk(b"tEXt", b"bbox\x00x"),
}


def assert_shown(data: bytes) -> None:
    image = BytesImage(data)
    image.check()
    assert image.size() == (4, 2)
    loaded = image.load()
    assert [loaded.getpixel((x, 1)) for x in range(4)] == [RED, RED, BLUE, BLUE]


@pytest.mark.parametrize("name", EXTRAS)
def test_sound_pixels_are_shown_whatever_is_beside_them(name: str) -> None:
    assert_shown(png(before=EXTRAS[name]))
    assert_shown(png(after=EXTRAS[name]))


def test_a_picture_saved_with_a_large_profile_and_text(tmp_path: Path) -> None:
    """As an editor writes it, by Pillow's own writer."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "cat " * 500_000, zip=True)
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), RED).save(path, pnginfo=info, icc_profile=b"p" * BIG)
    assert FileImage(path).load().getpixel((4, 4)) == RED


CRITICAL = {
    "header": b"\x89PNG\r\n\x1a\n" + broken(HEAD) + IDAT + END,
    "palette": png(before=broken(chunk(b"PLTE", b"\x00" * 6))),
    "pixels": png(idat=broken(IDAT)),
}


@pytest.mark.parametrize("name", CRITICAL)
def test_a_wrong_checksum_where_it_counts_is_an_error(name: str) -> None:
    with pytest.raises(ImageError, match=r"bytes: cannot be decoded \(the checksum of its chunk"):
        BytesImage(CRITICAL[name]).load()


@pytest.mark.parametrize("left", [1, 20, 40, len(IDAT) // 2 + 33])
def test_what_breaks_off_is_an_error(left: int) -> None:
    with pytest.raises(ImageError):
        BytesImage(png()[:left]).load()


def test_a_missing_end_is_forgiven_where_the_pixels_are_whole() -> None:
    assert_shown(png()[: -len(END)])
    assert_shown(png(after=chunk(b"tEXt", b"a\x00b"))[: -len(END) - 5])


def test_pixels_in_several_chunks_with_text_between() -> None:
    data = zlib.compress(rows())
    parts = [chunk(b"IDAT", data[i : i + 5]) for i in range(0, len(data), 5)]
    assert_shown(png(idat=chunk(b"tEXt", b"a\x00b").join(parts)))


@pytest.mark.parametrize(
    "sideways",
    [
        chunk(b"eXIf", EXIF_SIDEWAYS),
        chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + XMP_SIDEWAYS),
        chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + zlib.compress(XMP_SIDEWAYS)),
        chunk(
            b"zTXt",
            b"Raw profile type exif\x00\x00"
            + zlib.compress(b"\nexif\n34\n" + (b"Exif\x00\x00" + EXIF_SIDEWAYS).hex().encode()),
        ),
    ],
)
def test_orientation_is_read_wherever_it_is(sideways: bytes) -> None:
    extra = EXTRAS["compressed text of 3 MB"] + EXTRAS["text with a wrong checksum"]
    for data in (png(extra + sideways), png(extra, sideways), png(b"", extra + sideways)):
        image = BytesImage(data)
        assert image.size() == image.load().size == (2, 4)
        assert image.load().getpixel((0, 0)) == RED
        assert image.load().getpixel((0, 3)) == BLUE


def test_transparency_after_the_pixels_is_not_transparency() -> None:
    assert_shown(png(after=chunk(b"tRNS", struct.pack(">HHH", *RED))))
    shown = BytesImage(png(before=chunk(b"tRNS", struct.pack(">HHH", *RED)))).load()
    assert shown.getpixel((0, 0)) == WHITE


def test_the_size_is_read_without_the_pixels() -> None:
    assert BytesImage(png(idat=broken(IDAT))).size() == (4, 2)
    with pytest.raises(ImageError):
        BytesImage(png(idat=b"")).load()


def test_bad_and_good_pictures_in_a_data_set(tmp_path: Path) -> None:
    """Both ways in: `load_dataset`, and the command."""
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    files = {f"good-{i}.png": png(before=extra) for i, extra in enumerate(EXTRAS.values())}
    files |= {f"bad-{name}.png": data for name, data in CRITICAL.items()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for path, kind in ((good, "good"), (bad, "bad")):
        lines = [
            json.dumps({"image": name, "question": "q?", "answer": "a"}) + "\n"
            for name in files
            if name.startswith(kind)
        ]
        path.write_text("".join(lines))
    assert len(load_dataset(str(good), check="decode")) == len(EXTRAS)
    with pytest.raises(DatasetError) as error:
        load_dataset(str(bad), check="decode")
    assert error.value.bad == len(CRITICAL)
    assert invoke("data", "check", str(good)).exit_code == 0
    told = invoke("data", "check", str(bad))
    assert told.exit_code != 0
    for line in range(1, len(CRITICAL) + 1):
        assert f"bad.jsonl:{line}: field 'image'" in (told.output + str(told.exception))


class TestMemoryImage:
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_an_orientation_still_to_be_applied_is(self, form: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        picture = Image.new("RGB", (40, 20), RED)
        picture.paste(BLUE, (20, 0, 40, 20))
        options = {"quality": 95} if form in ("JPEG", "WEBP") else {}
        picture.save(buffer, form, exif=exif, **options)
        for use in (lambda image: image, lambda image: image.copy()):
            with Image.open(io.BytesIO(buffer.getvalue())) as opened:
                image = MemoryImage(use(opened))
                assert image.size() == (20, 40)
                loaded = image.load()
                assert image.size() == loaded.size == (20, 40)
                top, bottom = loaded.getpixel((10, 5)), loaded.getpixel((10, 35))
                assert isinstance(top, tuple) and isinstance(bottom, tuple)
                assert top[0] > 200 and top[2] < 50
                assert bottom[2] > 200 and bottom[0] < 50

    def test_an_orientation_after_the_pixels(self) -> None:
        with Image.open(io.BytesIO(png(after=chunk(b"eXIf", EXIF_SIDEWAYS)))) as opened:
            assert MemoryImage(opened).size() == MemoryImage(opened).load().size == (2, 4)

    @pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP"])
    def test_what_was_opened_and_breaks_off_is_an_image_error(self, form: str) -> None:
        buffer = io.BytesIO()
        Image.effect_noise((64, 64), 100).convert("RGB").save(buffer, form)
        data = buffer.getvalue()
        image = MemoryImage(Image.open(io.BytesIO(data[: len(data) * 2 // 3])), "photo")
        assert image.size() == (64, 64)
        with pytest.raises(ImageError, match="photo: cannot be decoded"):
            image.load()

    def test_a_closed_picture_is_an_image_error(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(png())
        with Image.open(path) as opened:
            image = MemoryImage(opened)
        assert image.size() == (4, 2)
        with pytest.raises(ImageError, match="memory: cannot be decoded"):
            image.load()
