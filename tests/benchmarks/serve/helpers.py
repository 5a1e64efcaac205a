"""Shared by the tests of serve: small speakers and agents, conversations, and a plain client."""

import http.client
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from agents.policies import Turn, View
from benchmarks.serve.requests import ChatRequest, RequestError
from benchmarks.serve.server import Served
from benchmarks.serve.speakers import Job, Said, Speaker
from vt_env import Message, World
from vt_env.adapters import chat_messages

NAME = "visionthink"


def asked(question: str = "What color?", side: int = 56) -> tuple[Message, ...]:
    return (Message("user", (Image.new("RGB", (side, side), (200, 20, 20)), question)),)


def world_question(index: int) -> tuple[Message, ...]:
    """A question of the embedded world, at full resolution."""
    sample = World("validation")[index]
    return (Message("user", (sample.image.load(), sample.question)),)


def body(messages: Sequence[Message] | None = None, **fields: Any) -> dict[str, Any]:
    return {"model": NAME, "messages": chat_messages(messages or asked()), **fields}


def send(
    running: Served,
    method: str,
    path: str,
    sent: Mapping[str, Any] | bytes | None = None,
    **headers: str | None,
) -> tuple[int, bytes, dict[str, str]]:
    """A request over a connection of its own, with the key unless told otherwise."""
    url = urlsplit(running.base_url)
    data = json.dumps(sent).encode() if isinstance(sent, Mapping) else sent
    given: dict[str, str | None] = {"Content-Type": "application/json"}
    if running.key is not None:
        given["Authorization"] = f"Bearer {running.key}"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    try:
        line.request(method, path, data, {k: v for k, v in given.items() if v is not None})
        reply = line.getresponse()
        return reply.status, reply.read(), dict(reply.getheaders())
    finally:
        line.close()


def chat(running: Served, sent: Mapping[str, Any], **headers: str | None) -> tuple[int, Any]:
    status, told, _ = send(running, "POST", "/v1/chat/completions", sent, **headers)
    return status, json.loads(told)


def events(told: bytes) -> list[Any]:
    """The events of a stream, the last of them ``[DONE]``."""
    parts = told.decode().split("\n\n")
    assert parts.pop() == ""
    assert all(part.startswith("data: ") for part in parts)
    found = [part.removeprefix("data: ") for part in parts]
    return [*map(json.loads, found[:-1]), found[-1]]


class Slow(Speaker):
    """Says how many were answered beside, once it is let; a question "fail" makes it fail."""

    def __init__(self) -> None:
        self.let, self.begun, self.closed = threading.Event(), threading.Event(), False
        self.sizes: list[int] = []

    def prepare(self, request: ChatRequest) -> Job:
        return Job(request, request.messages[-1].content[-1], request.temperature)

    def speak(self, jobs: Sequence[Job]) -> Sequence[Said | RequestError]:
        self.begun.set()
        assert self.let.wait(30)
        self.sizes.append(len(jobs))
        if any(job.prompt == "fail" for job in jobs):
            raise ValueError("the engine broke")
        return [Said(f"{job.prompt} of {len(jobs)}", False, 3, 4) for job in jobs]

    def close(self) -> None:
        self.closed = True


def together(calls: Iterable[threading.Thread]) -> None:
    """Starts threads, and waits for all of them."""
    started = list(calls)
    for call in started:
        call.start()
    for call in started:
        call.join(60)
        assert not call.is_alive()


class Echo:
    """An agent that says what it sees."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix, self.seeds = prefix, []  # type: ignore[var-annotated]

    def reset(self, seeds: Sequence[int]) -> None:
        self.seeds = list(seeds)

    def act(self, views: Sequence[View]) -> list[str]:
        if any(view["question"] == "no room" for view in views):
            return [Turn("", no_room=True) for _ in views]
        shown = ("question", "feedback", "turn", "visual_tokens", "request")
        return [
            Turn(
                self.prefix
                + json.dumps(
                    {
                        **{name: view[name] for name in shown},
                        "shape": view["image"].shape,
                        "tools": [tool.name for tool in view["tools"]],
                        "seed": self.seeds[view["episode"]],
                        "of": len(views),
                    }
                ),
                cut_off=view["question"] == "cut",
                prompt_tokens=11,
                completion_tokens=5,
            )
            for view in views
        ]


def one_view(view: View) -> str:
    """An agent that is a function."""
    return f"turn {view['turn']}"


class Nothing:
    """An agent that gives no text."""

    def act(self, views: Sequence[View]) -> list[Any]:
        return [None for _ in views]
