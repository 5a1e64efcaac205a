"""Ways in which a server of a judging model fails: as bytes, and as what is done with them."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

Ending = Literal["keep", "close", "half_close", "reset", "hang", "drip"]
Words = tuple[str, str]
"""What a model would say rightly of a case, and the opposite."""
_JSON = "content-type: application/json\r\n"
_OK = "HTTP/1.1 200 OK\r\n"
_HUGE = 10 * 2**20
_BOMB = 300 * 2**20


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        reply: What is sent, given the words of a case and how long to be left alone.
        reasons: What a judge may call it when it lasts.
        ending: What becomes of the connection then.
        passes: Whether a judge asks again.
    """

    reply: Callable[[Words, str], bytes]
    reasons: frozenset[str]
    ending: Ending = "keep"
    passes: bool = True


def completion(text: object, tokens: object = 100) -> dict[str, Any]:
    """Builds a chat completion."""
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice(text)],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": 105},
    }


def choice(text: object) -> dict[str, Any]:
    """Builds a choice of a completion."""
    return {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }


def response(status: int, body: object, headers: str = "", kind: str = "application/json") -> bytes:
    """Builds an HTTP response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\n"
        f"content-length: {len(content)}\r\n{headers}\r\n"
    )
    return head.encode() + content


def _told(status: int, reason: str, after: str = "", passes: bool = True) -> Fault:
    """A status, with how long to wait: in ``seconds``, by a ``date``, or not at all."""

    def reply(_: Words, retry_after: str) -> bytes:
        when = datetime.now(UTC) + timedelta(seconds=1)
        says = {"": "", "seconds": retry_after, "date": format_datetime(when, usegmt=True)}[after]
        headers = f"retry-after: {says}\r\n" if says else ""
        return response(status, {"error": {"message": f"told to say {status}"}}, headers)

    return Fault(reply, frozenset({reason}), passes=passes)


def _sent_on(where: str) -> Fault:
    """A redirect."""
    sent = f"HTTP/1.1 307 x\r\ncontent-length: 0\r\nlocation: {where}\r\n\r\n".encode()
    return Fault(lambda *_: sent, frozenset({"redirected"}), passes=False)


def _says(make: Callable[[str, str], object], reason: str = "unparsable") -> Fault:
    """A success with a body of one's own, made from the right words and the wrong ones."""
    return Fault(lambda words, _: response(200, make(*words)), frozenset({reason}))


def _broken(make: Callable[[bytes], bytes], ending: Ending, *reasons: str) -> Fault:
    """Does something to a sound response whose words are wrong, so that it shows if it is read."""
    return Fault(
        lambda words, _: make(response(200, completion(words[1]))),
        frozenset(reasons or ("connection",)),
        ending,
    )


@functools.cache
def _bomb() -> bytes:
    """Some 300 kB that unpack to 300 MB; a block that owes nothing to others is sent many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(b'{"choices": ') + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * (_BOMB // 2**20)


def _lengthened(sound: bytes) -> bytes:
    """Promises more bytes than come."""
    return sound.replace(b"content-length: ", b"content-length: 9")


def _shortened(sound: bytes) -> bytes:
    """Promises fewer bytes than come."""
    return sound.replace(b"content-length: ", b"content-length: 1\r\nx-length: ")


def _cut_chunk(sound: bytes) -> bytes:
    """Ends in the middle of a chunk."""
    body = sound.partition(b"\r\n\r\n")[2]
    return f"{_OK}{_JSON}transfer-encoding: chunked\r\n\r\nfff\r\n".encode() + body


def _twice(right: str, wrong: str) -> bytes:
    """A completion whose choices are there twice."""
    first, second = (json.dumps([choice(text)]) for text in (right, wrong))
    return f'{{"choices": {first}, "choices": {second}}}'.encode()


def _head(sound: bytes) -> bytes:
    """The headers alone."""
    return sound.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


FAULTS: dict[str, Fault] = {
    "rate_limit": _told(429, "rate_limited", "seconds"),
    "rate_limit_date": _told(429, "rate_limited", "date"),
    "unauthorized": _told(401, "auth", passes=False),
    "forbidden": _told(403, "auth", passes=False),
    "not_found": _told(404, "not_found", passes=False),
    "request_timeout": _told(408, "server_error", "seconds"),
    "conflict": _told(409, "server_error"),
    "unprocessable": _told(422, "bad_request", passes=False),
    "server_error": _told(500, "server_error"),
    "bad_gateway": _told(502, "server_error"),
    "unavailable": _told(503, "server_error", "date"),
    "gateway_timeout": _told(504, "server_error", "seconds"),
    "redirect_elsewhere": _sent_on("http://127.0.0.2:9/v1/chat/completions"),
    "redirect_loop": _sent_on("/v1/chat/completions"),
    "timeout": Fault(lambda *_: b"", frozenset({"timeout"}), "hang"),
    "slow_drip": _broken(lambda sound: sound, "drip", "timeout"),
    "closed": Fault(lambda *_: b"", frozenset({"connection"}), "close"),
    "half_closed": _broken(lambda sound: sound[:-40], "half_close"),
    "reset": Fault(lambda *_: b"", frozenset({"connection"}), "reset"),
    "reset_after_headers": _broken(_head, "reset"),
    "long_length": _broken(_lengthened, "close"),
    "cut_chunk": _broken(_cut_chunk, "close"),
    "short_length": _broken(_shortened, "close", "unparsable", "connection"),
    "huge": _says(lambda *_: b'{"choices": "' + b"a" * _HUGE + b'"}', "too_large"),
    "gzip_bomb": Fault(
        lambda *_: response(200, _bomb(), "content-encoding: gzip\r\n"), frozenset({"too_large"})
    ),
    "nested": _says(lambda *_: b'{"choices": ' + b"[" * 900 + b"]" * 900 + b"}", "too_nested"),
    "garbage": _says(lambda *_: b"\x00\xff<html>score 1</html>"),
    "web_page": Fault(
        lambda *_: response(200, b"<html>score: 1</html>", kind="text/html"),
        frozenset({"unparsable"}),
    ),
    "wrong_json": _says(lambda *_: {"score": 1, "choices": []}),
    "wrong_types": _says(lambda *_: {"choices": [{"message": {"content": 1}}]}),
    "null_content": _says(lambda *_: completion(None)),
    "two_choices": _says(lambda *words: {"choices": [choice(text) for text in words]}),
    "key_twice": _says(_twice),
    "trailing_garbage": _says(
        lambda _, wrong: json.dumps(completion(wrong)).encode() + b"}garbage"
    ),
    "prose": _says(lambda *_: completion("Score: 1. Criterion (1) is met.")),
    "nan_score": _says(lambda *_: completion('{"score": NaN}')),
    "invalid_utf_8": _says(
        lambda _, wrong: json.dumps(completion(wrong)).encode().replace(b'"m"', b'"\xff\xfe"')
    ),
    "wrong_charset": Fault(
        lambda words, _: response(
            200,
            json.dumps(completion("\u00e9" + words[1]), ensure_ascii=False).encode("latin-1"),
            kind="application/json; charset=utf-16",
        ),
        frozenset({"unparsable"}),
    ),
}
"""Every fault of the mix, by name."""


def _sized(headers: str, body: bytes) -> bytes:
    """A success with headers of one's own, and the right length."""
    return f"{_OK}{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def malformed() -> dict[str, bytes]:
    """Replies that are no HTTP, no JSON or no completion, by name; each ends its connection."""
    return {**_odd_json(), **_odd_http()}


def _odd_json() -> dict[str, bytes]:
    shapes = {
        "a list": "[]",
        "null": "null",
        "a number": "1",
        "a text": '"score 1"',
        "choices that are no list": '{"choices": {"message": 1}}',
        "choices of null": '{"choices": [null]}',
        "a message that is a list": '{"choices": [{"message": [1]}]}',
        "a content that is a number": '{"choices": [{"message": {"content": 1}}]}',
        "a content of parts": '{"choices": [{"message": {"content": [{"text": "1"}]}}]}',
        "half of a surrogate": json.dumps(completion("\ud800")),
        "a number of 9,000 digits": '{"choices": ' + "9" * 9000 + "}",
        "not a number": '{"choices": [NaN, Infinity]}',
        "200,000 brackets": "[" * 200_000,
        "200,000 brackets, closed": "[" * 200_000 + "]" * 200_000,
        "200,000 braces": '{"choices":' * 200_000,
        "900 brackets in a completion": '{"choices": ' + "[" * 900 + "]" * 900 + "}",
        "nothing": "",
    }
    return {f"json: {name}": _sized(_JSON, text.encode()) for name, text in shapes.items()}


def _odd_http() -> dict[str, bytes]:
    right = json.dumps(completion('{"score": 1}')).encode()
    chunked = f"{_OK}{_JSON}transfer-encoding: chunked\r\n\r\n".encode()
    gzip_head, deflate_head = (f"{_JSON}content-encoding: {c}\r\n" for c in ("gzip", "deflate"))
    utf_16 = "content-type: application/json; charset=utf-16\r\n"
    events = b"data: " + right + b"\n\ndata: [DONE]\n\n"
    redirect = "HTTP/1.1 307 x\r\ncontent-length: 0\r\nlocation: "
    return {
        "http: a garbage status line": b"\x00\xff\xfe garbage\r\n\r\n",
        "http: no version": b"200 OK\r\n\r\n" + right,
        "http: another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
        "http: a status that is no number": b"HTTP/1.1 abc x\r\n\r\n",
        "http: status 99999": b"HTTP/1.1 99999 x\r\ncontent-length: 0\r\n\r\n",
        "http: a header over the limit": _sized(f"{_JSON}x-long: {'a' * 300_000}\r\n", right),
        "http: 20,000 headers": _sized(_JSON + "x-a: b\r\n" * 20_000, right),
        "http: a header without a colon": _sized(_JSON + "no colon here\r\n", right),
        "http: a header with a zero byte": _sized(_JSON + "x-a: \x00b\r\n", right),
        **{
            f"http: length {n}": f"{_OK}{_JSON}content-length: {n}\r\n\r\n".encode() + right
            for n in ("-5", "abc", "9999")
        },
        "http: two lengths": _sized(f"{_JSON}content-length: 3\r\n", right),
        "http: a reply cut in its headers": f"{_OK}content-ty".encode(),
        "http: a reply cut in the middle": _sized(_JSON, right)[:-40],
        "http: a chunk of no length": chunked + b"zz\r\n" + right + b"\r\n0\r\n\r\n",
        "http: a chunk of length -1": chunked + b"-1\r\n" + right + b"\r\n0\r\n\r\n",
        "http: a chunk cut off": chunked + b"fff\r\n" + right,
        "body: no gzip": _sized(gzip_head, right),
        "body: gzip cut off": _sized(gzip_head, gzip.compress(right)[:40]),
        "body: no deflate": _sized(deflate_head, right),
        "body: invalid UTF-8": _sized(_JSON, right.replace(b'"m"', b'"\xff\xfe\xc3"')),
        "body: UTF-16 by its header": _sized(utf_16, right[:-1]),
        "body: events": _sized("content-type: text/event-stream\r\n", events),
        "body: a web page": _sized("content-type: text/html\r\n", b"<html>Score: 1</html>"),
        "redirect: without end": f"{redirect}/v1/loop\r\n\r\n".encode(),
        "redirect: nowhere": f"{redirect}http://[:::\r\n\r\n".encode(),
        "redirect: to a file": f"{redirect}file:///etc/hostname\r\n\r\n".encode(),
        "redirect: to a closed port": f"{redirect}http://127.0.0.1:9/v1\r\n\r\n".encode(),
        "redirect: to nothing": b"HTTP/1.1 307 x\r\ncontent-length: 0\r\n\r\n",
    }  # fmt: skip
