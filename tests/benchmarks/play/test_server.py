"""The server over a real socket: who gets in, and a whole game."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.play.score import perfect_episodes, scored
from benchmarks.play.server import GamePage, served
from benchmarks.play.session import Game
from judges import JudgeError
from tests.benchmarks.play.games import ENOUGH, NEEDS, env_of, game_of, records, right
from vt_env import ConfigError


@pytest.fixture
def game(tmp_path: Path) -> Game:
    return game_of(tmp_path)


@pytest.fixture
def shown(game: Game) -> Iterator[GamePage]:
    with served(game) as page:
        yield page


def asked(
    shown: GamePage, method: str, path: str, body: Any = None, **headers: str | None
) -> tuple[int, bytes, dict[str, str]]:
    """A request as the page's browser makes it, but for what is given."""
    url = urlsplit(shown.url)
    sent: dict[str, str | None] = {"Host": url.netloc}
    if method == "POST":
        sent |= {"Origin": f"http://{url.netloc}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
    text = json.dumps(body).encode() if not isinstance(body, bytes) and body is not None else body
    line.putrequest(method, path, skip_host=True)
    if text is not None and "Content-Length" not in sent:
        sent["Content-Length"] = str(len(text))
    for name, value in sent.items():
        if value is not None:
            line.putheader(name, value)
    line.endheaders(text)
    reply = line.getresponse()
    found = (reply.status, reply.read(), dict(reply.getheaders()))
    line.close()
    return found


def move(shown: GamePage, **what: Any) -> dict[str, Any]:
    path = urlsplit(shown.url).path
    now = json.loads(asked(shown, "GET", f"{path}place")[1])["place"]
    status, body, _ = asked(shown, "POST", f"{path}move", {"place": now, **what})
    assert status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def test_it_listens_on_loopback_alone(shown: GamePage) -> None:
    url = urlsplit(shown.url)
    assert url.hostname == "127.0.0.1" and len(shown.token) >= 32
    status, body, headers = asked(shown, "GET", url.path)
    assert status == 200 and b"<!doctype html>" in body
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize(
    "path",
    ["/", "/state", "//", "/wrong/", "/wrong/state", "/{short}/state", "/{token}", "/%C3%A9/"],
)
def test_a_wrong_token_finds_nothing(path: str, shown: GamePage) -> None:
    told = path.format(token=shown.token, short=shown.token[:-1])
    for method in ("GET", "POST"):
        status, body, _ = asked(shown, method, told, {"do": "go_on"})
        assert (status, body) == (404, b"")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "", "[::1]:80", None]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_host_is_refused(
    method: str, host: str | None, shown: GamePage, game: Game
) -> None:
    path = f"/{shown.token}/{'move' if method == 'POST' else 'state'}"
    body = {"place": "look 0 0", "do": "answer", "text": "1"}
    assert asked(shown, method, path, body, Host=host, Origin=f"http://{host}")[:2] == (403, b"")
    assert game.episodes == []


def test_this_machine_has_two_names_and_any_port(shown: GamePage) -> None:
    for host in ("localhost:9999", "127.0.0.1:1", "localhost"):
        assert asked(shown, "GET", f"/{shown.token}/place", Host=host)[0] == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:1", "http://evil.example", "https://127.0.0.1"]
)
def test_a_move_from_another_page_is_refused(
    origin: str | None, shown: GamePage, game: Game
) -> None:
    body = {"place": "look 0 0", "do": "answer", "text": "1"}
    assert asked(shown, "POST", f"/{shown.token}/move", body, Origin=origin)[0] == 403
    assert game.episodes == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[1]", {}),
        (b"[" * 60_000, {}),
        (b"\xff", {}),
        (b"{}", {"Content_Type": "text/plain"}),
        (b"{}", {"Content_Length": "-1"}),
        (b"{}", {"Content_Length": "99999999999999999999"}),
        (b"{}", {"Content_Length": "٣"}),
        (None, {}),
    ],
)
def test_what_is_no_move(
    body: bytes | None, headers: dict[str, str], shown: GamePage, game: Game
) -> None:
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    assert asked(shown, "POST", f"/{shown.token}/move", body, **encoded)[0] == 400
    assert game.look is not None


@pytest.mark.parametrize(
    "what",
    [
        {}, {"do": "dance"}, {"do": "answer"}, {"do": "answer", "text": 3},
        {"do": "answer", "text": ""},
        {"do": "ask", "tool": ["resize"]}, {"do": "ask", "tool": "resize", "box": "all"},
        {"do": "ask", "tool": "crop", "box": [0, 0, 9, 9]}, {"do": "go_on"},
    ],
)  # fmt: skip
def test_moves_that_cannot_be_made_are_told(
    what: dict[str, Any], shown: GamePage, game: Game
) -> None:
    assert move(shown, **what).keys() == {"error"}
    assert game.look is not None and game.look.turn == 0


def test_a_move_for_another_place_changes_nothing(shown: GamePage, game: Game) -> None:
    path, body = f"/{shown.token}/move", {"place": "look 0 0", "do": "ask", "tool": "resize"}
    first, second = (json.loads(asked(shown, "POST", path, body)[1]) for _ in range(2))
    assert first["place"] == second["place"] == "look 0 1", "the second press did nothing"
    assert game.look is not None and game.look.turn == 1


def test_a_whole_game(shown: GamePage, game: Game, tmp_path: Path) -> None:
    path = urlsplit(shown.url).path
    waited = threading.Thread(target=shown.wait)
    waited.start()
    assert json.loads(asked(shown, "GET", f"{path}state")[1])["look"]["number"] == 0
    assert move(shown, do="ask", tool="resize")["look"]["turn"] == 1
    assert move(shown, do="answer", text=right(NEEDS))["told"]["correct"] is True
    assert move(shown, do="go_on")["look"]["number"] == 1
    assert move(shown, do="answer", text=right(ENOUGH))["told"]["correct"] is True
    assert waited.is_alive(), "the last result is still to be read"
    assert move(shown, do="go_on")["place"] == "scoring"
    waited.join(10)
    assert not waited.is_alive() and len(records(tmp_path).read_text().splitlines()) == 2
    score = scored(game.episodes, perfect_episodes(env_of(), game.played), None)
    showing = threading.Thread(target=shown.show, args=(score,))
    showing.start()
    while (told := json.loads(asked(shown, "GET", f"{path}state")[1])).get("score") is None:
        pass
    assert told["score"]["rows"][0][:2] == ["you", "1.000"]
    showing.join(3)
    assert not showing.is_alive(), "it ends as soon as the page has the score"


def test_after_the_end_nobody_listens(game: Game) -> None:
    with served(game) as shown:
        port = urlsplit(shown.url).port
        assert move(shown, do="ask", tool="resize")["place"] == "look 0 1"
    assert game.over
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        pass


def test_a_port_that_is_taken_or_cannot_be(game: Game) -> None:
    with served(game) as shown:
        taken = urlsplit(shown.url).port or 0
        for port in (taken, 99_999, -1):
            with pytest.raises(ConfigError, match=f"port {port} cannot"), served(game, port):
                pass


class Broken:
    name = "broken"

    def judge(self, cases: Any) -> list[Any]:
        raise JudgeError("The judge is away.")


def test_what_goes_wrong_in_a_move_ends_the_game_where_it_is_waited_for(
    shown: GamePage, game: Game
) -> None:
    game._env.judge = Broken()
    body = {"place": "look 0 0", "do": "answer", "text": "1"}
    status, told, _ = asked(shown, "POST", f"/{shown.token}/move", body)
    assert status == 500 and "The judge is away." in json.loads(told)["error"]
    with pytest.raises(JudgeError, match="away"):
        shown.wait()
