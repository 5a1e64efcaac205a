"""Requests straight through `aiohttp`: half of what the client's own HTTP side costs."""

from __future__ import annotations

import functools
import importlib
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from judges.llm.bounds import ReplyBounds

if TYPE_CHECKING:
    import aiohttp

_PIECE = 2**14
"""Most bytes of a reply that are read at once."""


@dataclass(frozen=True)
class Received:
    """What came for a request.

    Attributes:
        status: The status.
        headers: The headers; names in any case.
        body: The body, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status says that the request was met."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text, for a log."""
        return self.body.decode(errors="replace")


@dataclass
class Address:
    """Where requests go, as the first one that was answered went.

    Attributes:
        url: The whole URL; empty while none was answered.
        headers: The headers, but for host and length.
    """

    url: str = ""
    headers: Sequence[tuple[str, str]] = ()


class DirectSession:
    """Connections of one `aiohttp` session to one address, opened at the first request.

    It follows no redirect, keeps no cookie, unpacks nothing by itself and takes no proxy. How long
    a request may take is for the caller to bound.

    Args:
        address: Where to; known before the first request.
        trust_env: Whether the environment may name further certificates.
    """

    def __init__(self, address: Address, trust_env: bool) -> None:
        self._address, self._trust_env = address, trust_env
        self._session: aiohttp.ClientSession | None = None

    async def post(self, content: bytes, bounds: ReplyBounds) -> Received:
        """Sends a request, and reads what comes within bounds.

        Args:
            content: The body.
            bounds: What is taken of the reply.

        Raises:
            ReplyError: If the reply is over its bounds, or sends elsewhere.
            aiohttp.ClientError: If the connection fails, or what comes is no HTTP.
        """
        url, session = self._address.url, self._session or self._open()
        self._session = session
        async with session.post(url, data=content, allow_redirects=False) as got:
            body = await bounds.body(got.status, got.headers, got.content.iter_chunked(_PIECE))
            return Received(got.status, got.headers, body)

    async def close(self) -> None:
        """Closes the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        # The certificates that the client itself goes by, which take 50 ms to read.
        encrypted = urlsplit(self._address.url).scheme == "https"
        library = http_library()
        tls = library.create_ssl_context(trust_env=self._trust_env) if encrypted else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0),  # the caller bounds how many
            headers=self._address.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
        )


def takes_proxy(url: str) -> bool:
    """Whether the environment names a proxy for a URL; of no URL: whether it names any."""
    proxies, host = urllib.request.getproxies(), urlsplit(url).hostname
    return bool(proxies) and not (host and urllib.request.proxy_bypass(host))


@functools.cache
def http_library() -> Any:
    """The HTTP library that the client speaks through."""
    import openai

    modules = {base.__module__.partition(".")[0] for base in openai.DefaultAsyncHttpxClient.__mro__}
    (library,) = modules & {"httpx", "httpx2"}
    return importlib.import_module(library)
