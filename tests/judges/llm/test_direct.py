"""Requests that go straight through `aiohttp` are those of the client, and go nowhere else."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from judges import JudgeCase, LLMJudge
from judges.llm.bounds import ReplyBounds
from judges.llm.client import Endpoint, ask, make_client
from judges.llm.direct import Address, DirectSession

pytest.importorskip("aiohttp")
HOPS = frozenset({"content-length", "connection"})
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextmanager
def listener(heard: list[bytes]) -> Iterator[str]:
    """A server that keeps what it is sent, and answers each request with a verdict."""
    said = {"choices": [{"message": {"content": '{"score": 1}'}}]}
    body = json.dumps(said).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            received = b""
            while piece := connection.recv(65536):
                received += piece
                if not received.startswith(b"POST"):
                    return
                top, end, rest = received.partition(b"\r\n\r\n")
                length = int(top.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
                if end and len(rest) >= length:
                    heard.append(received)
                    received = b""
                    connection.sendall(head % len(body) + body)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        listening.shutdown(socket.SHUT_RDWR)


def parts(request: bytes) -> tuple[str, dict[str, str], object]:
    """First line, headers without those of the connection, and body of a request."""
    top, _, body = request.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return first, {k: v for k, v in headers.items() if k not in HOPS}, json.loads(body)


def test_later_requests_are_those_of_the_client() -> None:
    heard: list[bytes] = []
    with (
        listener(heard) as url,
        LLMJudge("m", base_url=url, api_key="secret", concurrency=40) as judge,
    ):
        case = JudgeCase("Wie groß?", ("a",), "a")
        assert judge.judge([case])[0].score == 1.0
        assert [verdict.score for verdict in judge.judge([case] * 60)] == [1.0] * 60
        assert len(judge._clients) == 2
        assert all(client._direct is not None for client in judge._clients)
    first, *later = map(parts, heard)
    assert len(later) == 60
    assert first[1]["authorization"] == "bearer secret"
    for other in later:
        assert other == first


def test_a_proxy_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def goes_straight(url: str | None) -> bool:
        endpoint = Endpoint("m", base_url=url, api_key="k")
        return make_client(endpoint, 1.0, ReplyBounds())._direct is not None

    there = "https://judge.example/v1"
    assert goes_straight(there)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert not goes_straight(there)
    assert not goes_straight(None)
    assert goes_straight("http://127.0.0.1:8000/v1")
    monkeypatch.setenv("no_proxy", "judge.example")
    assert goes_straight(there)


def test_a_closed_client_opens_anew() -> None:
    """As after `close`, and where a judge is used on another loop."""

    async def thrice(url: str) -> list[str | None]:
        endpoint, bounds = Endpoint("m", base_url=url, api_key="k"), ReplyBounds()
        client = make_client(endpoint, 5.0, bounds)
        body = endpoint.body([{"role": "user", "content": "?"}], "none")
        replies = [await ask(client, body, 5.0, bounds) for _ in range(2)]
        assert client._direct is not None
        await client._direct.close()
        replies.append(await ask(client, body, 5.0, bounds))
        await client.close()
        return [reply.failure for reply in replies]

    with listener([]) as url:
        assert asyncio.run(thrice(url)) == [None] * 3


def test_an_encrypted_address_is_asked_for_its_certificate() -> None:
    """A server without TLS is no server at an https address."""

    async def once(url: str) -> None:
        session = DirectSession(Address(url), trust_env=False)
        try:
            await session.post(b"{}", ReplyBounds())
        finally:
            await session.close()

    import aiohttp

    with listener([]) as url, pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(once(url.replace("http:", "https:")))
