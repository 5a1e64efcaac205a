"""The server comes and goes in good order."""

import http.client
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.serve.server import ServerError, served
from benchmarks.serve.settings import ServeSettings
from tests.benchmarks.serve.helpers import Slow, asked, body, chat, send
from vt_env import ConfigError


def test_it_listens_on_loopback_and_has_gone_afterwards() -> None:
    speaker = Slow()
    with served(ServeSettings(), lambda: speaker) as running:
        url = urlsplit(running.base_url)
        assert url.hostname == "127.0.0.1" and url.path == "/v1"
        assert running.key is not None and len(running.key) >= 32
        assert running.key not in repr(running)
        assert send(running, "GET", "/health")[0] == 200
    assert speaker.closed and not running.thread.is_alive()
    with socket.socket() as line:
        assert line.connect_ex(("127.0.0.1", url.port or 0)) != 0


def test_no_key() -> None:
    with served(ServeSettings(key="none"), Slow) as running:
        assert running.key is None
        assert send(running, "GET", "/v1/models")[0] == 200


def test_requests_under_way_are_finished() -> None:
    speaker, told = Slow(), list[Any]()
    with served(ServeSettings(grace=30), lambda: speaker) as running:
        asking = threading.Thread(target=lambda: told.append(chat(running, body(asked("late")))))
        asking.start()
        assert speaker.begun.wait(20)
        threading.Timer(0.5, speaker.let.set).start()
    asking.join(20)
    status, reply = told[0]
    assert status == 200 and reply["choices"][0]["message"]["content"] == "late of 1"
    assert speaker.closed


def test_but_not_for_ever() -> None:
    speaker, told = Slow(), list[Any]()

    def ask() -> None:
        try:
            told.append(send(running, "POST", "/v1/chat/completions", body())[0])
        except (OSError, http.client.HTTPException) as error:
            told.append(error)

    with served(ServeSettings(grace=0.5), lambda: speaker) as running:
        asking = threading.Thread(target=ask)
        asking.start()
        assert speaker.begun.wait(20)
    asking.join(20)
    assert told and told[0] != 200
    assert not speaker.closed  # it is still at work
    speaker.let.set()


def test_a_port_that_is_taken_is_told_before_anything_is_made() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        def never() -> Slow:
            raise AssertionError("made")

        with (
            pytest.raises(ConfigError, match=f"port {port} cannot be listened on"),
            served(ServeSettings(), never, port),
        ):
            pass
    with pytest.raises(ConfigError, match="port 70000"), served(ServeSettings(), Slow, 70000):
        pass
    with served(ServeSettings(), Slow, port) as running:
        assert urlsplit(running.base_url).port == port


def test_a_server_that_ends_of_itself_is_told() -> None:
    with served(ServeSettings(), Slow) as running:
        found = threading.Thread(target=lambda: None)
        found.start()
        found.join()
        object.__setattr__(running, "thread", found)
        with pytest.raises(ServerError, match="ended of itself"):
            running.wait()
