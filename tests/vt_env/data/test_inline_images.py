"""Images as text in a row: base64 and data: URIs, within the limits; paths stay paths."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from vt_env.data.inline_images import inline_image
from vt_env.data.rows import ImageFiles
from vt_env.data.schemas import RowError
from vt_env.images.views import BytesImage, FileImage

FILES = ImageFiles(Path("/data"))


def encoded(kind: str, size: tuple[int, int] = (30, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM"])
def test_base64_of_every_format(kind: str) -> None:
    text = base64.b64encode(encoded(kind)).decode()
    spelt = (
        text,
        f"data:image/{kind.lower()};base64,{text}",
        f"data:;charset=x;base64,{text}",
        f"DATA:IMAGE/{kind};BASE64,{text}",
        text.rstrip("="),
        "\n".join(text[start : start + 76] for start in range(0, len(text), 76)),
        text.replace("+", "-").replace("/", "_"),
    )
    for value in spelt:
        source = FILES.source(value, "row 1")
        assert isinstance(source, BytesImage)
        assert source.size() == (30, 20)
    assert FILES.source({"bytes": text, "path": None}, "row 1").size() == (30, 20)


def test_the_smallest_image_there_is() -> None:
    text = base64.b64encode(encoded("GIF", (1, 1))).decode()
    assert FILES.source(text, "row 1").size() == (1, 1)


def test_a_uri_without_base64() -> None:
    from urllib.parse import quote_from_bytes

    uri = f"data:image/png,{quote_from_bytes(encoded('PNG'))}"
    assert FILES.source(uri, "row 1").size() == (30, 20)


@pytest.mark.parametrize(
    "text",
    ["a.png", "data.png", "data:image/png;base64,AAAA", "data/train/a", "iVBORw0KGgo",
     "deep/" * 30 + "name", "9j/4AAQSkZJRg.jpg", "Qk/" + "long/" * 20 + "a.b"],
)  # fmt: skip
def test_paths_stay_paths(text: str) -> None:
    assert inline_image(text, 1000) is None
    assert isinstance(FILES.source(text, "row 1"), FileImage)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("data:text/html;base64," + "A" * 80, "is a data: URI of 'text/html', not an image"),
        ("data:image/png;base64,!!!!" + "A" * 80, "is not whole base64"),
        ("data:image/png;base64," + "A" * 2001, "is not whole base64"),
        ("data:image/png;base64," + "A" * 40_000, "exceed the limit of 10000 bytes"),
        ("data:image/png," + "%41" * 40_000, "exceed the limit of 10000 bytes"),
        (base64.b64encode(encoded("PNG") + bytes(40_000)).decode(), "exceed the limit of 10000"),
        ("QUJD" * 4000, "cannot be a path (16000 characters), nor is it an image in base64"),
    ],
)
def test_what_cannot_be_used_is_quoted_in_part(text: str, problem: str) -> None:
    with pytest.raises(RowError) as caught:
        ImageFiles(Path("/data"), max_bytes=10_000).source(text, "row 1")
    assert caught.value.field == "image"
    assert problem in caught.value.problem
    assert len(caught.value.problem) < 250
