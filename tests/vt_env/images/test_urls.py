"""Images at addresses: fetched only where that is allowed, within limits, from any server."""

import io
import json
import pickle
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.cli.main import main
from tests.vt_env.helpers import REQUEST
from vt_env import VisionThinkEnv
from vt_env.data.load import load_dataset
from vt_env.data.rows import ImageFiles, RowError
from vt_env.errors import DatasetError, ImageError
from vt_env.images import urls
from vt_env.images.views import ReducibleSource, UrlImage

PICTURE = Image.linear_gradient("L").resize((168, 112)).convert("RGB")


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


def bomb(width: int = 12_000, height: int = 12_000) -> bytes:
    """A PNG of few bytes and very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(PICTURE, "JPEG", exif=exif)


FILES = {
    "/a.jpg": encoded(PICTURE, "JPEG", quality=95),
    "/a.png": encoded(PICTURE, "PNG"),
    "/a%20caf%C3%A9.png?size=1": encoded(PICTURE, "PNG"),
    "/turned": turned(),
    "/alpha": encoded(Image.new("RGBA", (20, 10), (0, 0, 0, 0)), "PNG"),
    "/text": b"<html>log in first</html>",
    "/empty": b"",
    "/bomb": bomb(),
}
REDIRECTS = {
    "/moved": "/a.png",
    "/far": "/moved",
    "/round": "/round",
    "/passwd": "file:///etc/passwd",
    "/ftp": "ftp://127.0.0.1/a.png",
    "/inline": "data:image/png;base64,AAAA",
    "/nowhere": "http://[::1",
}


class Handler(BaseHTTPRequestHandler):
    """A server that serves pictures, and everything else that servers do."""

    asked: list[str]
    over: threading.Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path in FILES:
            self.answer(200, FILES[self.path], {"Content-Length": str(len(FILES[self.path]))})
        elif self.path in REDIRECTS:
            self.answer(302, b"", {"Location": REDIRECTS[self.path]})
        elif self.path == "/moved-to-nothing":
            self.answer(302, b"no Location")
        elif self.path == "/short":
            self.answer(200, FILES["/a.png"][:100], {"Content-Length": "5000"})
        elif self.path == "/lies":
            self.answer(200, b"", {"Content-Length": str(2**40)})
        elif self.path in ("/endless", "/endless-redirect"):
            status, headers = (
                (200, {}) if self.path == "/endless" else (302, {"Location": "/a.png"})
            )
            self.answer(status, b"", headers)
            self.go_on(bytes(2**16), 0.0)
        elif self.path == "/slow":
            self.answer(200, b"", {"Content-Length": "10000"})
            self.go_on(b"x", 0.02)
        elif self.path == "/slow-headers":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drip: ")
            self.go_on(b"x", 0.02)
        elif self.path == "/silent":
            self.over.wait()
        else:
            self.answer(404, b"none here")

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def go_on(self, data: bytes, pause: float) -> None:
        """Sends until the client has enough of it."""
        try:
            while not self.over.wait(pause):
                self.wfile.write(data)
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Site:
    """A running server: its address, and the paths that it was asked for."""

    def __init__(self, server: ThreadingHTTPServer, asked: list[str]) -> None:
        self.address, self.asked = f"http://127.0.0.1:{server.server_port}", asked

    def image(self, path: str, **limits: int) -> UrlImage:
        return UrlImage(self.address + path, **limits)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(urls, "_RECENT", urls._Recent())
    over, asked = threading.Event(), list[str]()
    handler = type("BoundHandler", (Handler,), {"asked": asked, "over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Site(server, asked)
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def write(folder: Path, *images: str) -> Path:
    path = folder / "data.jsonl"
    rows = [{"image": image, "question": "What is it?", "answer": "grey"} for image in images]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def refused(image: UrlImage) -> str:
    with pytest.raises(ImageError) as caught:
        image.load()
    assert str(caught.value).startswith(image.url)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ImageError)
    return str(caught.value)


@pytest.mark.parametrize("path", ["/a.png", "/moved", "/far", "/a café.png?size=1#part"])
def test_a_png_is_what_it_is(site: Site, path: str) -> None:
    image = site.image(path)
    assert isinstance(image, ReducibleSource)
    assert image.size() == PICTURE.size
    assert image.load().tobytes() == PICTURE.tobytes()
    assert image.name == image.url


def test_a_jpeg_is_decoded_as_a_file_is(site: Site, tmp_path: Path) -> None:
    image = site.image("/a.jpg")
    with Image.open(io.BytesIO(FILES["/a.jpg"])) as same:
        assert image.load().tobytes() == same.convert("RGB").tobytes()
    assert image.load_reduced((84, 56)).size == (84, 56)
    assert site.image("/turned").size() == PICTURE.size[::-1]
    assert site.image("/turned").load().size == PICTURE.size[::-1]
    assert site.image("/alpha").load().getpixel((0, 0)) == (255, 255, 255)


def test_it_is_fetched_once_and_travels_without_its_bytes(site: Site) -> None:
    image = site.image("/a.png")
    copy = pickle.loads(pickle.dumps(image))
    assert copy == image
    assert site.asked == []
    image.check()
    assert copy.load().size == image.size()
    assert site.asked == ["/a.png"]
    assert len(pickle.dumps(image)) < 300


def test_what_is_kept_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg, png = site.image("/a.jpg"), site.image("/a.png")
    monkeypatch.setattr(urls, "RECENT_FILES", 1)
    for image in (jpeg, png, png, jpeg):
        image.size()
    assert "exceed the limit of 10 bytes" in refused(site.image("/a.jpg", max_image_bytes=10))
    assert site.asked == ["/a.jpg", "/a.png", "/a.jpg"]
    monkeypatch.setattr(urls, "RECENT_BYTES", len(FILES["/a.png"]) - 1)
    png.size()
    png.size()
    assert site.asked[3:] == ["/a.png", "/a.png"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/none.png", "the server answers 404 Not Found; look whether the address is right"),
        ("/text", "not an image that can be read"),
        ("/empty", "not an image that can be read"),
        ("/bomb", "12000x12000 pixels exceed the limit of 64000000 pixels"),
        ("/passwd", "redirected to file:///etc/passwd): only http and https are fetched"),
        ("/ftp", "only http and https are fetched"),
        ("/inline", "only http and https are fetched"),
        ("/nowhere", "cannot be fetched"),
        ("/moved-to-nothing", "the server answers 302 Found"),
        ("/round", "more than 5 redirects"),
        ("/short", "the connection ended 4900 bytes early"),
        ("/lies", "exceeds the limit of 268435456 bytes"),
    ],
)
def test_what_servers_give_instead_of_images(site: Site, path: str, problem: str) -> None:
    assert problem in refused(site.image(path))


def test_no_more_is_read_than_is_allowed(site: Site) -> None:
    assert "exceeds the limit of 1000000 bytes (max_image_bytes)" in refused(
        site.image("/endless", max_image_bytes=1_000_000)
    )
    assert "exceeds the limit of 10 bytes" in refused(site.image("/a.png", max_image_bytes=10))
    assert "168x112 pixels exceed the limit of 99" in refused(
        site.image("/a.png", max_image_pixels=99)
    )
    assert site.image("/endless-redirect").size() == PICTURE.size  # its own body is not read


@pytest.mark.parametrize("path", ["/slow", "/slow-headers", "/silent"])
def test_a_fetch_ends_in_time_however_slowly_bytes_come(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "FETCH_SECONDS", 0.3)
    start = time.monotonic()
    assert "took over 0.3 s; look whether" in refused(site.image(path))
    assert time.monotonic() - start < 100  # 10,000 bytes at 50 a second would take 200 s


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/a.png",
        "http://127.0.0.1:port/a.png",
        "http:///a.png",
        "http://[::1",
        "http://a\ud800/",
        "http://a b.invalid/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
    ],
)
def test_addresses_that_lead_nowhere(site: Site, url: str) -> None:
    assert "fetched" in refused(UrlImage(url))
    assert "cannot be fetched" in refused(UrlImage(site.address.replace("http", "https")))  # no TLS


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b.png", "s3://a/b.png", "://a"])
def test_rows_with_other_schemes_stay_refused(url: str) -> None:
    with pytest.raises(RowError, match="is a URL; only files are read, or http and https"):
        ImageFiles(Path(), allow_urls=True).source(url, "row")
    inline = ImageFiles(Path(), allow_urls=True).source("data:image/png;base64,AAAA", "row")
    with pytest.raises(ImageError, match="no such image file"):
        inline.load()


def test_the_proxy_that_the_environment_names_is_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", site.address)
    assert "the server answers 404" in refused(UrlImage("http://pictures.invalid/a.png"))
    assert site.asked == ["http://pictures.invalid/a.png"]


def test_rows_need_the_setting(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path, f"{site.address}/a.png")
    with pytest.raises(DatasetError, match=r"is a URL; .*allow_urls=True") as caught:
        load_dataset(path)
    assert [(error.line, error.field) for error in caught.value.errors] == [(1, "image")]
    assert site.asked == []


def test_rows_are_checked_as_files_are(site: Site, tmp_path: Path) -> None:
    paths = ("/a.png", "/a.jpg", "/none.png", "/a.png", "/none.png", "/short")
    path = write(tmp_path, *(site.address + name for name in paths))
    assert len(load_dataset(path, allow_urls=True, check="none")) == 6
    assert site.asked == []
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, allow_urls=True)
    assert [error.line for error in caught.value.errors] == [3, 5, 6]
    assert site.asked == ["/a.png", "/a.jpg", "/none.png", "/short"]  # each once
    path = write(tmp_path, f" {site.address.upper()}/a.png\n", f"{site.address}/bomb")
    with pytest.raises(DatasetError, match="12000x12000 pixels exceed") as caught:
        load_dataset(path, allow_urls=True, check="header")
    assert [error.line for error in caught.value.errors] == [2]


def test_tables_hold_addresses_too(site: Site, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    url = f"{site.address}/a.png"
    rows = {"image": [{"bytes": None, "path": url}], "question": ["What?"], "answer": ["grey"]}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "data.parquet")
    settings = {"cache_dir": tmp_path / "cache"}
    with pytest.raises(DatasetError, match="allow_urls=True"):
        load_dataset(tmp_path / "data.parquet", **settings)
    dataset = load_dataset(tmp_path / "data.parquet", allow_urls=True, **settings)
    assert dataset[0].image.load().size == PICTURE.size


def test_an_env_fetches_what_it_shows(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path, f"{site.address}/a.jpg")
    env = VisionThinkEnv(data=path, allow_urls=True)
    first, _ = env.reset(seed=1)
    second, *_ = env.step(REQUEST)
    assert first["image"].shape[0] < second["image"].shape[0]
    assert site.asked == ["/a.jpg"]
    env.close()


def test_data_check_fetches_with_the_option(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(*options: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["data", "check", str(path), *options])
        return ended.value.code, capsys.readouterr().out

    path = write(tmp_path, f"{site.address}/a.png")
    code, said = check()
    assert (code, "allow_urls=True" in said) == (2, True)
    code, said = check("--data.allow_urls", "--data.check", "none")
    assert (code, "1 samples" in said, site.asked) == (0, True, [])
    code, said = check("--data.allow_urls")
    assert (code, "168x112" in said, site.asked) == (0, True, ["/a.png"])
    path = write(tmp_path, f"{site.address}/none.png")
    code, said = check("--data.allow_urls")
    assert (code, "data.jsonl:1: field 'image'" in said, "404" in said) == (2, True, True)
