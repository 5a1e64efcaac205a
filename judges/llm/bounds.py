"""What is taken of a reply: so many bytes, so many brackets in one another, and no redirect.

A server decides how much it sends, and how much that is once unpacked. So a reply is read piece by
piece and let go as soon as it is over its bounds, before it lies in memory.
"""

from __future__ import annotations

import json
import re
import sys
import time
import zlib
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from judges.parameters import as_count

Fault = Literal["too_large", "too_nested", "redirected", "connection", "unparsable"]
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_AUTO = 47  # zlib's word for: gzip or deflate, as the data say
_ERROR_BYTES = 2**16
"""What is read of a reply whose status says that it failed; the rest is left."""
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class ReplyError(Exception):
    """A reply that is not taken.

    Attributes:
        fault: Its name.
    """

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


@dataclass(frozen=True)
class ReplyBounds:
    """Bounds on one reply.

    Attributes:
        max_reply_bytes: Bytes of a reply at most, as received and as unpacked.
        max_nesting: Lists and objects of a reply in one another at most.

    Raises:
        JudgeError: If a value is no whole number of at least 1; text that says one is read.
    """

    max_reply_bytes: int = 2**20
    max_nesting: int = 32

    def __post_init__(self) -> None:
        for name in ("max_reply_bytes", "max_nesting"):
            object.__setattr__(self, name, as_count(name, getattr(self, name), 1))

    async def take(self, response: Any) -> None:
        """Reads a response within the bounds: a hook of an HTTP client, before anything is read.

        Args:
            response: Of `httpx` or its like; holds what was read afterwards, unpacked.

        Raises:
            ReplyError: As `body` does.
        """
        body = await self.body(response.status_code, response.headers, response.stream)
        await response.stream.aclose()
        _put(response, body)

    def take_at_once(self, response: Any, seconds: float) -> None:
        """As `take`, for a client that waits.

        Args:
            response: As there.
            seconds: What the body may take, however slowly its bytes drip in.

        Raises:
            ReplyError: As `body` does.
            Exception: The HTTP library's own `ReadTimeout`, if it takes longer.
        """
        reading = _Reading(self, response.status_code, response.headers)
        until = time.monotonic() + seconds
        for piece in response.stream:
            if time.monotonic() > until:
                late = f"The reply is not whole after {seconds:g} s."
                raise _library_of(response).ReadTimeout(late, request=response.request)
            if reading.is_full_with(piece):
                break
        response.stream.close()
        _put(response, reading.whole())

    async def body(
        self, status: int, headers: Mapping[str, str], pieces: AsyncIterable[bytes]
    ) -> bytes:
        """Reads the body of a response within the bounds, and unpacks it.

        Of a reply whose status says that it failed, what is over is left out.

        Args:
            status: The response's status.
            headers: Its headers, by names in lower case, or of a mapping that minds no case.
            pieces: What it holds, as it comes; whoever calls closes it.

        Raises:
            ReplyError: If the response sends elsewhere or is over its bounds.
        """
        reading = _Reading(self, status, headers)
        async for piece in pieces:
            if reading.is_full_with(piece):
                break
        return reading.whole()

    def read(self, body: bytes) -> object:
        """Reads JSON within the bounds.

        Raises:
            ReplyError: If it is nested too deeply.
            ValueError: If it is no JSON, or an object has a key twice.
        """
        brackets = body.count(b"[") + body.count(b"{")
        if brackets > self.max_nesting and _depth(body) > self.max_nesting:
            raise ReplyError(
                "too_nested", f"More than {self.max_nesting} brackets in one another (max_nesting)."
            )
        return json.loads(body, object_pairs_hook=_object)


class _Reading:
    """A body that is being read."""

    def __init__(self, bounds: ReplyBounds, status: int, headers: Mapping[str, str]) -> None:
        if 300 <= status < 400:
            where = headers.get("location", "nowhere")[:200]
            raise ReplyError("redirected", f"{status}: sent on to {where}; this is not followed.")
        self._failed = status >= 400
        most = bounds.max_reply_bytes
        self._most = min(most, _ERROR_BYTES) if self._failed else most
        self._unpacker = _unpacker(headers.get("content-encoding", ""))
        self._received, self._body = 0, bytearray()

    def is_full_with(self, piece: bytes) -> bool:
        """Takes a piece; says whether that is more than is taken of the whole."""
        self._received += len(piece)
        unpacker, room = self._unpacker, self._most + 1 - len(self._body)
        self._body += piece if unpacker is None else _unpack(unpacker, piece, room)
        return self._is_over

    @property
    def _is_over(self) -> bool:
        return max(self._received, len(self._body)) > self._most

    def whole(self) -> bytes:
        """What was read, when no more is to come or there is no room."""
        if self._is_over and not self._failed:
            most = f"{self._most:,} bytes (max_reply_bytes)"
            raise ReplyError("too_large", f"A reply of more than {most}.")
        if not self._is_over and self._unpacker is not None and not self._unpacker.eof:
            raise ReplyError("connection", "A packed reply is cut off.")
        return bytes(self._body[: self._most])


def _put(response: Any, body: bytes) -> None:
    """Gives a response the body that was read of it."""
    response.headers.pop("content-encoding", None)  # it is unpacked
    response.stream = _library_of(response).ByteStream(body)


def _library_of(response: Any) -> Any:
    """The HTTP library that a response is of."""
    return sys.modules[type(response).__module__.partition(".")[0]]


def _unpacker(packing: str) -> Any:
    """Makes what unpacks a reply; None where it is not packed."""
    name = packing.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _PACKED:
        raise ReplyError("unparsable", f"A reply packed as {name[:40]!r}, which was not asked for.")
    return zlib.decompressobj(_AUTO)


def _unpack(unpacker: Any, piece: bytes, most: int) -> bytes:
    """Unpacks a piece, up to so many bytes."""
    try:
        return bytes(unpacker.decompress(piece, most))
    except zlib.error as error:
        raise ReplyError("connection", f"A packed reply cannot be unpacked: {error}") from error


def _depth(body: bytes) -> int:
    """How many brackets are in one another at most, outside of strings."""
    depth = deepest = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        first = body[found.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Makes an object; of a key that is there twice nobody knows which is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("An object of the reply has a key twice.")
    return made
