"""An OpenAI-compatible server on loopback that fails as told, and otherwise judges rightly.

It reads the case out of the prompt and says 1 exactly when the answer equals an accepted one.
Which request fails, and how, depends on the seed, the question and the number of the try alone, so
a run can be repeated whatever the order of the requests.
"""

from __future__ import annotations

import asyncio
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


@dataclass(frozen=True)
class FaultPlan:
    """How the server behaves: `share` of the requests fail, in one of the ways `faults`."""

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
        writer.write(_response(200, _completion(self._verdict(case))))
        await writer.drain()
        return True

    def _verdict(self, case: dict[str, Any]) -> str:
        if self.plan.reply is not None:
            return self.plan.reply(case)
        return json.dumps({"score": int(case["answer"] in case["accepted_answers"])})

    def _fault(self, question: str, attempt: int) -> str | None:
        """Decides whether and how a request fails."""
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
            raise AssertionError(fault)
        await writer.drain()
        return True


def _completion(text: str) -> dict[str, Any]:
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
        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
    }


def _response(status: int, body: object, headers: str = "") -> bytes:
    """Builds an HTTP response."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n{headers}\r\n"
    )
    return head.encode() + content
