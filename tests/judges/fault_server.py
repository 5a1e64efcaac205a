"""An OpenAI-compatible server on loopback that fails as told, and otherwise judges rightly.

It reads the case out of the prompt and says 1 exactly when the answer equals an accepted one.
Which request fails, and how, depends on the seed, the question and the number of the try alone, so
a run can be repeated whatever the order of the requests.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

ALL_FAULTS = (
    "rate_limit",
    "server_error",
    "timeout",
    "half_closed",
    "closed",
    "garbage",
    "wrong_json",
    "prose",
)
_JSON = "content-type: application/json\r\n"
_OK = "HTTP/1.1 200 OK\r\n"


def _sized(headers: str, body: bytes) -> bytes:
    """A success with headers of one's own, and the right length."""
    return f"{_OK}{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def _json(text: str) -> bytes:
    return _sized(_JSON, text.encode())


def _right(text: str = '{"score": 1}') -> bytes:
    """A sound completion's body."""
    return json.dumps(_completion(text)).encode()


def malformed() -> dict[str, bytes]:
    """Replies that are no HTTP, no JSON or no completion, by name; each ends its connection."""
    right = _right()
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
        "half of a surrogate": json.dumps(_completion("\ud800")),
        "a number of 9,000 digits": '{"choices": ' + "9" * 9000 + "}",
        "not a number": '{"choices": [NaN, Infinity]}',
        "200,000 brackets": "[" * 200_000,
        "200,000 brackets, closed": "[" * 200_000 + "]" * 200_000,
        "200,000 braces": '{"choices":' * 200_000,
        "900 brackets in a completion": '{"choices": ' + "[" * 900 + "]" * 900 + "}",
        "nothing": "",
    }
    chunked = f"{_OK}{_JSON}transfer-encoding: chunked\r\n\r\n".encode()
    gzip_head, deflate_head = (f"{_JSON}content-encoding: {c}\r\n" for c in ("gzip", "deflate"))
    utf_16 = "content-type: application/json; charset=utf-16\r\n"
    events = b"data: " + right + b"\n\ndata: [DONE]\n\n"
    redirect = "HTTP/1.1 307 x\r\ncontent-length: 0\r\nlocation: "
    return {
        **{f"json: {name}": _json(text) for name, text in shapes.items()},
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


@dataclass(frozen=True)
class FaultPlan:
    """How the server behaves: `share` of the requests fail, in one of the ways `faults`.

    A fault is one of `ALL_FAULTS`, or a name in `malformed()`.
    """

    share: float = 0.0
    faults: tuple[str, ...] = ALL_FAULTS
    seed: int = 0
    latency: float = 0.0
    retry_after: str = "0.05"
    hang_seconds: float = 30.0
    first_tries: int = 0  # how many first tries of each case fail for certain
    key: str | None = None
    reply: Callable[[dict[str, Any]], str] | None = None  # in place of a right verdict
    refuse_structured: bool = False
    status: int = 200  # any other is what every request is answered with
    tokens: object = 100  # what a reply says of its prompt
    only: frozenset[str] | None = None  # questions whose requests fail; None: any


@dataclass
class Seen:
    """What the server has met."""

    tries: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    in_flight: int = 0
    most_in_flight: int = 0


class FaultServer:
    """Runs the server in a thread of its own; a context manager."""

    def __init__(self, plan: FaultPlan | None = None) -> None:
        self.plan = plan or FaultPlan()
        self.seen = Seen()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> FaultServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; False when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        if "/loop" in head.split("\r\n", 1)[0]:
            writer.write(malformed()["redirect: without end"])
            return True
        if self.plan.key is not None and headers.get("authorization") != f"Bearer {self.plan.key}":
            writer.write(_response(401, {"error": {"message": "bad key"}}))
            return True
        if self.plan.refuse_structured and {"response_format", "structured_outputs"} & body.keys():
            writer.write(_response(400, {"error": {"message": "no structured output here"}}))
            return True
        seen = self.seen
        seen.bodies.append(body)
        seen.paths.add(head.split(" ", 2)[1])
        case = json.loads(body["messages"][1]["content"])
        question = case["question"]
        attempt = seen.tries[question]
        seen.tries[question] += 1
        if self.plan.status != 200:
            told = {"error": {"message": f"told to say {self.plan.status}"}}
            writer.write(_response(self.plan.status, told))
            return True
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        try:
            await asyncio.sleep(self.plan.latency)
            fault = self._fault(question, attempt)
            if fault is not None:
                seen.faults[fault] += 1
                return await self._fail(fault, writer)
        finally:
            seen.in_flight -= 1
        seen.answered[question] += 1
        writer.write(_response(200, _completion(self._verdict(case), self.plan.tokens)))
        await writer.drain()
        return True

    def _verdict(self, case: dict[str, Any]) -> str:
        if self.plan.reply is not None:
            return self.plan.reply(case)
        return json.dumps({"score": int(case["answer"] in case["accepted_answers"])})

    def _fault(self, question: str, attempt: int) -> str | None:
        """Decides whether and how a request fails."""
        if self.plan.only is not None and question not in self.plan.only:
            return None
        digest = hashlib.sha256(f"{self.plan.seed}|{question}|{attempt}".encode()).digest()
        draw = int.from_bytes(digest[:4], "big") / 2**32
        if draw >= self.plan.share and attempt >= self.plan.first_tries:
            return None
        return self.plan.faults[digest[4] % len(self.plan.faults)]

    async def _fail(self, fault: str, writer: asyncio.StreamWriter) -> bool:
        """Fails; False when the connection is to be closed."""
        if fault == "rate_limit":
            error = {"error": {"message": "slow down"}}
            writer.write(_response(429, error, f"retry-after: {self.plan.retry_after}\r\n"))
        elif fault == "server_error":
            writer.write(_response(500, {"error": {"message": "oops"}}))
        elif fault == "timeout":
            await asyncio.sleep(self.plan.hang_seconds)
            return False
        elif fault == "half_closed":
            writer.write(_response(200, _completion('{"score": 1}'))[:-40])
            writer.write_eof()
            return False
        elif fault == "closed":
            return False
        elif fault == "garbage":
            writer.write(_response(200, b"\x00\xff<html>score 1</html>"))
        elif fault == "wrong_json":
            writer.write(_response(200, {"score": 1, "choices": []}))
        elif fault == "prose":
            writer.write(_response(200, _completion("Score: 1. Criterion (1) is met.")))
        else:
            writer.write(malformed()[fault])
            await writer.drain()
            return False
        await writer.drain()
        return True


def _completion(text: str, tokens: object = 100) -> dict[str, Any]:
    """Builds a chat completion."""
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 5, "total_tokens": 105},
    }


def _response(status: int, body: object, headers: str = "") -> bytes:
    """Builds an HTTP response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n{headers}\r\n"
    )
    return head.encode() + content
