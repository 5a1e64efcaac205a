"""Images at http(s) addresses: fetched on use, within limits on time and bytes."""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import string
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin
from urllib.request import AbstractHTTPHandler, OpenerDirector, ProxyHandler, Request

from vt_env.errors import ImageError
from vt_env.images.files import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, EncodedImage, check_length
from vt_env.images.work import WORK, ImageWork

SCHEMES = ("http", "https")
FETCH_SECONDS = 30.0
"""How long a fetch may take, redirects included."""
MAX_REDIRECTS = 5
RECENT_BYTES = 128 * 2**20
RECENT_FILES = 1024

_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 2**16
_ADVICE = "look whether this machine reaches it, or download the file and give its path."


@dataclass(frozen=True)
class UrlImage(EncodedImage):
    """An image at an address, fetched on use.

    The files fetched last are kept, `RECENT_BYTES` of them a process, so that reading the size,
    a view and the whole image are one fetch.

    Attributes:
        url: The address, of a scheme in `SCHEMES`; what it gives is in a format in `FORMATS`.
        max_image_pixels: Images with more pixels are refused before decoding.
        max_image_bytes: No more bytes than these are read, whatever length the server tells.
        work: What else is refused before decoding.
    """

    url: str
    max_image_pixels: int = MAX_IMAGE_PIXELS
    max_image_bytes: int = MAX_IMAGE_BYTES
    work: ImageWork = WORK

    @property
    def name(self) -> str:
        """The address."""
        return self.url

    def _source(self) -> io.BytesIO:
        data = _RECENT.get(self.url)
        if data is None:
            data = fetch(self.url, self.max_image_bytes)
            _RECENT.put(self.url, data)
        check_length(self.name, len(data), self.max_image_bytes)
        return io.BytesIO(data)


def is_web_address(text: str) -> bool:
    """Whether a text starts as an address that can be fetched."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def fetch(url: str, most: int) -> bytes:
    """Reads what is at an address; redirects are followed to http(s) addresses alone.

    The proxies that the environment names are used. No cookies or credentials are sent.

    Args:
        url: The address.
        most: Largest number of bytes that is read.

    Raises:
        ImageError: If that fails, takes longer than `FETCH_SECONDS`, or gives more bytes; names
            the address and what can be done.
    """
    end = time.monotonic() + FETCH_SECONDS
    where = url
    try:
        for _ in range(MAX_REDIRECTS + 1):
            if not is_web_address(where):
                raise ImageError(f"{_via(url, where)}: only http and https are fetched.")
            with _open(where, end) as response:
                location = response.getheader("Location")
                if response.status not in _REDIRECTS or location is None:
                    return _read(response, _via(url, where), most)
            where = urljoin(where, quote(location, string.punctuation, encoding="latin-1"))
    except TimeoutError as error:
        raise ImageError(f"{_via(url, where)}: took over {FETCH_SECONDS:g} s; {_ADVICE}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error) or error
        if isinstance(reason, TimeoutError):
            reason = f"no answer within {FETCH_SECONDS:g} s"
        raise ImageError(f"{_via(url, where)}: cannot be fetched ({reason}); {_ADVICE}") from error
    raise ImageError(f"{_via(url, where)}: more than {MAX_REDIRECTS} redirects; {_ADVICE}")


def _via(url: str, where: str) -> str:
    return url if where == url else f"{url} (redirected to {where})"


def _open(url: str, end: float) -> http.client.HTTPResponse:
    """Asks for an address and returns the answer, whatever its status.

    The opener knows http and https alone: urllib's own would follow redirects by itself, reading
    their bodies without a limit, and open files.
    """
    opener = OpenerDirector()
    opener.addheaders = [("User-Agent", "visionthink")]
    opener.add_handler(ProxyHandler())
    opener.add_handler(_Handler())
    request = Request(quote(url, string.punctuation))
    answer: http.client.HTTPResponse = opener.open(
        request, timeout=max(0.001, end - time.monotonic())
    )
    return answer


def _read(response: http.client.HTTPResponse, name: str, most: int) -> bytes:
    if not 200 <= response.status < 300:
        raise ImageError(
            f"{name}: the server answers {response.status} {response.reason}; look whether the "
            f"address is right and needs no login, or download the file and give its path."
        )
    data, told = bytearray(), response.length or 0
    while max(len(data), told) <= most and (chunk := response.read(_CHUNK_BYTES)):
        data += chunk
    if max(len(data), told) > most:
        raise ImageError(f"{name}: exceeds the limit of {most} bytes (max_image_bytes).")
    if response.length:
        raise ImageError(f"{name}: the connection ended {response.length} bytes early; {_ADVICE}")
    return bytes(data)


class _Paced(io.RawIOBase):
    """What a connection gives until its time-out has passed once, in however small pieces.

    The time-out of a socket alone starts anew with every byte.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._raw = connection.makefile("rb", buffering=0)
        self._end = time.monotonic() + (connection.gettimeout() or FETCH_SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Paced(sock))


class _Connection(http.client.HTTPConnection):
    response_class = _Response


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _Response


class _Handler(AbstractHTTPHandler):
    """Opens http and https; leaves every status, redirects too, to who asked."""

    http_request = https_request = AbstractHTTPHandler.do_request_

    def http_open(self, request: Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, request)

    def https_open(self, request: Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, request, context=_tls())


@functools.cache
def _tls() -> ssl.SSLContext:
    """Verifies certificates and host names; reading the system's certificates takes a while."""
    return ssl.create_default_context()


class _Recent:
    """The files fetched last, within `RECENT_BYTES` and `RECENT_FILES`; for all threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, url: str) -> bytes | None:
        with self._lock:
            if url in self._files:
                self._files.move_to_end(url)
            return self._files.get(url)

    def put(self, url: str, data: bytes) -> None:
        with self._lock:
            self._bytes += len(data) - len(self._files.pop(url, b""))
            self._files[url] = data
            while self._bytes > RECENT_BYTES or len(self._files) > RECENT_FILES:
                self._bytes -= len(self._files.popitem(last=False)[1])


_RECENT = _Recent()
