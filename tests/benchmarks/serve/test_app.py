"""The endpoints over a real socket: who gets in, and what is told."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.serve.server import Served, served
from benchmarks.serve.settings import ServeSettings
from tests.benchmarks.serve.helpers import Slow, asked, body, chat, events, send, together

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def slow() -> Slow:
    speaker = Slow()
    speaker.let.set()
    return speaker


@pytest.fixture(scope="module")
def running(slow: Slow) -> Iterator[Served]:
    with served(ServeSettings(megabytes=0.2, wait=0.2), lambda: slow) as found:
        yield found


def test_health_asks_for_no_key(running: Served) -> None:
    status, told, _ = send(running, "GET", "/health", Authorization=None)
    assert (status, json.loads(told)) == (200, {"status": "ok"})


def test_the_model_is_listed(running: Served) -> None:
    status, told, _ = send(running, "GET", "/v1/models")
    (one,) = json.loads(told)["data"]
    assert status == 200 and one["id"] == running.model and one["object"] == "model"


def test_whole_and_streamed(running: Served) -> None:
    status, told = chat(running, body(asked("well")))
    assert status == 200 and told["choices"][0]["message"]["content"] == "well of 1"
    assert told["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    status, stream, headers = send(running, "POST", CHAT, body(asked("well"), stream=True))
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    told = events(stream)
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in told[:-1])
    assert text == "well of 1" and told[-2]["usage"]["total_tokens"] == 7


@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer", "wrong", "Bearer \u00e9"])
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_a_wrong_key(running: Served, key: str | None, method: str, path: str) -> None:
    status, told, _ = send(running, method, path, body(), Authorization=key)
    assert status == 401
    assert json.loads(told)["error"]["code"] == "invalid_api_key"
    assert running.key is not None and running.key not in told.decode()


def test_a_foreign_name_or_a_page_of_a_browser(running: Served) -> None:
    assert send(running, "GET", "/health", Host="evil.example")[0] == 400
    assert send(running, "POST", CHAT, body(), Host="evil.example")[0] == 400
    status, told, _ = send(running, "POST", CHAT, body(), Content_Type="text/plain")
    assert status == 415 and "application/json" in told.decode()
    assert "Access-Control-Allow-Origin" not in send(running, "GET", "/health")[2]


def test_a_request_that_is_too_large(running: Served) -> None:
    status, told = chat(running, body(asked("a" * 210_000)))
    assert status == 413 and told["error"]["code"] == "too_large" and "0.2 MB" in str(told)
    assert chat(running, body(asked("a")))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", CHAT, 405), ("POST", "/v1/completions", 404)],
)
def test_what_is_not_there(running: Served, method: str, path: str, status: int) -> None:
    found, told, _ = send(running, method, path, {} if method == "POST" else None)
    assert found == status and json.loads(told)["error"]["message"]


def test_a_refusal_and_a_failure(running: Served) -> None:
    status, told = chat(running, body(n=2))
    assert status == 400 and told["error"]["param"] == "n"
    status, told = chat(running, body(asked("fail")))
    assert status == 500 and told["error"]["type"] == "server_error"
    assert "the engine broke" in told["error"]["message"]
    assert chat(running, body(asked("again")))[0] == 200


def test_requests_that_come_together_are_answered_together(running: Served, slow: Slow) -> None:
    told: dict[int, Any] = {}

    def ask(number: int) -> None:
        told[number] = chat(running, body(asked(f"q{number}"), temperature=number % 2))

    slow.sizes.clear()
    together(threading.Thread(target=ask, args=(number,)) for number in range(8))
    assert [told[n][0] for n in range(8)] == [200] * 8
    texts = [told[n][1]["choices"][0]["message"]["content"] for n in range(8)]
    assert [text.partition(" ")[0] for text in texts] == [f"q{n}" for n in range(8)]
    assert sum(slow.sizes) == 8 and len(slow.sizes) < 8
