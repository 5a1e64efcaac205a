"""An OpenAI-compatible server on loopback that fails as told, and otherwise judges rightly.

It reads the case out of the prompt and says 1 exactly when the answer equals an accepted one.
Which request fails, and how, depends on the seed, the question and the number of the try alone, so
a run can be repeated whatever the order of the requests.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import struct
import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from benchmarks.faults.replies import FAULTS, Fault, completion, malformed, response

_PIECE = 2**16
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class FaultPlan:
    """How the server behaves.

    Attributes:
        share: Share of the requests that fail.
        faults: The ways in which they do: names in `FAULTS` or in `malformed()`.
        seed: Chooses which ones fail, and how.
        latency: Seconds that a reply takes.
        retry_after: What some faults say of how long to be left alone.
        hang_seconds: How long a reply that does not come, or drips, holds its connection.
        first_tries: How many first tries of each case fail for certain.
        key: The key that is asked for.
        reply: Says something in place of a right verdict.
        refuse_structured: Whether structured output is refused.
        status: Any other than 200 is what every request is answered with.
        tokens: What a reply says of its prompt.
        only: Questions whose requests fail; None: any.
    """

    share: float = 0.0
    faults: tuple[str, ...] = tuple(FAULTS)
    seed: int = 0
    latency: float = 0.0
    retry_after: str = "0.05"
    hang_seconds: float = 30.0
    first_tries: int = 0
    key: str | None = None
    reply: Callable[[dict[str, Any]], str] | None = None
    refuse_structured: bool = False
    status: int = 200
    tokens: object = 100
    only: frozenset[str] | None = None


@dataclass
class Seen:
    """What the server has met.

    Attributes:
        tries: Requests by question.
        answered: Verdicts given, by question.
        faults: Faults by name.
        met: Names of the faults that a question's requests met, in order.
        bodies: Every request.
        heads: Its headers, by name in small letters.
        paths: Where they went.
        in_flight: Requests that are being answered.
        most_in_flight: The most there were.
    """

    tries: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    met: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
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
        """Its API's address."""
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
        self._writers: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)  # the loop closes what was let go

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
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
            writer.write(response(401, {"error": {"message": "bad key"}}))
            return True
        if self.plan.refuse_structured and {"response_format", "structured_outputs"} & body.keys():
            writer.write(response(400, {"error": {"message": "no structured output here"}}))
            return True
        seen = self.seen
        seen.bodies.append(body)
        seen.heads.append(headers)
        seen.paths.add(head.split(" ", 2)[1])
        case = json.loads(body["messages"][1]["content"])
        question = case["question"]
        attempt = seen.tries[question]
        seen.tries[question] += 1
        if self.plan.status != 200:
            told = {"error": {"message": f"told to say {self.plan.status}"}}
            writer.write(response(self.plan.status, told))
            return True
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        try:
            await asyncio.sleep(self.plan.latency)
            fault = self._fault(question, attempt)
            if fault is not None:
                seen.faults[fault] += 1
                seen.met[question].append(fault)
                return await self._fail(fault, case, writer)
        finally:
            seen.in_flight -= 1
        seen.answered[question] += 1
        writer.write(response(200, completion(self._verdict(case), self.plan.tokens)))
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

    async def _fail(self, name: str, case: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        """Fails; False when the connection is to be closed."""
        fault = FAULTS.get(name) or Fault(lambda *_: malformed()[name], frozenset(), "close")
        right = int(case["answer"] in case["accepted_answers"])
        words = (f'{{"score": {right}}}', f'{{"score": {1 - right}}}')
        reply = fault.reply(words, self.plan.retry_after)
        if fault.ending == "drip":
            pause = self.plan.hang_seconds / len(reply)
            for byte in reply:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause)
            return False
        for start in range(0, len(reply), _PIECE):
            writer.write(reply[start : start + _PIECE])
            await writer.drain()
        if fault.ending == "hang":
            await asyncio.sleep(self.plan.hang_seconds)
        elif fault.ending == "half_close":
            writer.write_eof()
        elif fault.ending == "reset":
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        return fault.ending == "keep"
