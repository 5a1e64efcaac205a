"""Serves one game to one page on this machine, and to nobody else.

It listens on loopback. The address holds a random token, without which there is nothing to be
found; a request must name this machine (`Host`), so that no foreign name can be pointed at it, and
a move must come from the page itself (`Origin`).
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.play.moves import MoveError
from benchmarks.play.page import page, place, policy_of, state
from benchmarks.play.score import Score
from benchmarks.play.session import Game
from vt_env import ConfigError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""What this machine may be called; the port may be another, as through a tunnel."""
MOST_BYTES = 65_536
"""Longest move, in bytes."""
LINGER = 6.0
"""Seconds that a page has to fetch the score before the server ends."""


class GamePage:
    """A game that is served.

    Args:
        game: The game.

    Attributes:
        token: The secret of the address.
        url: The address.
    """

    def __init__(self, game: Game) -> None:
        self._game, self._lock = game, threading.Lock()
        self._done, self._fetched = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._score: Score | None = None
        self._nonce = secrets.token_urlsafe(16)
        self.token, self.url = secrets.token_urlsafe(24), ""

    def wait(self) -> None:
        """Waits until all samples are played.

        Raises:
            Exception: What went wrong in a move that was no fault of the player's.
        """
        while not self._done.wait(0.2):
            pass
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Ends the game, after a move that is being made."""
        with self._lock:
            self._game.close()
            self._done.set()

    def show(self, score: Score) -> None:
        """Shows the score, and waits for a page to fetch it: not long, there may be none."""
        with self._lock:
            self._score = score
        self._fetched.wait(LINGER)

    def html(self) -> tuple[bytes, str]:
        """The page, and what it may load."""
        return page(self._nonce), policy_of(self._nonce)

    def state(self) -> dict[str, Any]:
        """The game as the page shows it."""
        with self._lock:
            return state(self._game, self._score)

    def place(self) -> dict[str, str]:
        """Where the game is: what a page asks for now and then."""
        with self._lock:
            return {"place": place(self._game, self._score)}

    def fetched(self, told: Mapping[str, Any]) -> None:
        """Notes that a page has got this state."""
        if "score" in told:
            self._fetched.set()

    def move(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Makes a move; one for another place of the game than it is at changes nothing.

        Raises:
            MoveError: If it cannot be made.
        """
        with self._lock:
            try:
                if asked.get("place") == place(self._game, self._score):
                    _make(self._game, asked)
            except MoveError:
                raise
            except Exception as error:
                self._error = error
                self._done.set()
                raise
            if self._game.over:
                self._done.set()
            return state(self._game, self._score)


def _make(game: Game, asked: Mapping[str, Any]) -> None:
    kind, text, tool, box = (asked.get(name) for name in ("do", "text", "tool", "box"))
    if kind == "answer" and isinstance(text, str):
        game.answer(text)
    elif kind == "ask" and isinstance(tool, str) and (box is None or isinstance(box, list)):
        game.ask(tool, box)
    elif kind == "go_on":
        game.go_on()
    else:
        raise MoveError("This is no move.")


@contextmanager
def served(game: Game, port: int = 0) -> Iterator[GamePage]:
    """Serves a game until the end of the block.

    Args:
        game: The game; nothing else makes its moves meanwhile.
        port: Where to listen; 0: any free port.

    Yields:
        What is served, with its address.

    Raises:
        ConfigError: If the port is taken, or cannot be.
    """
    shown = GamePage(game)
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(shown))
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"port {port} cannot be listened on ({error}); 0 takes a free one."
        ) from error
    server.daemon_threads = True
    shown.url = f"http://{HOST}:{server.server_address[1]}/{shown.token}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        shown.close()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(shown: GamePage) -> Callable[..., BaseHTTPRequestHandler]:
    return lambda *args: _Handler(shown, *args)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 30
    server_version, sys_version = "visionthink", ""

    def __init__(self, shown: GamePage, *args: Any) -> None:
        self._shown = shown
        super().__init__(*args)

    def do_GET(self) -> None:
        """The page, or the state of the game."""
        what = self._asked_for()
        if what == "":
            text, policy = self._shown.html()
            self._send(200, text, "text/html; charset=utf-8", policy)
        elif what == "state":
            told = self._shown.state()
            self._tell(200, told)
            self._shown.fetched(told)
        elif what == "place":
            self._tell(200, self._shown.place())
        elif what is not None:
            self._refuse(404)

    def do_POST(self) -> None:
        """A move."""
        what = self._asked_for()
        if what is None:
            return
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            self._refuse(403)
            return
        if what != "move":
            self._refuse(404)
            return
        asked = self._body()
        if asked is None:
            self._refuse(400)
            return
        try:
            self._tell(200, self._shown.move(asked))
        except MoveError as error:
            self._tell(200, {"error": str(error)})
        except Exception as error:  # the game ends with it, in the thread that waits
            self._tell(500, {"error": f"{type(error).__name__}: {error}"})

    def _asked_for(self) -> str | None:
        """What follows the token in the address; None where it was refused already."""
        host = self.headers.get("Host", "")
        if host.rpartition(":")[0] not in NAMES and host not in NAMES:
            self._refuse(403)
            return None
        parts = self.path.split("/", 2)
        secret = self._shown.token.encode()
        if len(parts) < 3 or not hmac.compare_digest(parts[1].encode(), secret):
            self._refuse(404)
            return None
        return parts[2]

    def _body(self) -> Mapping[str, Any] | None:
        """The move that was sent; None where it is none."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length[:9]) > MOST_BYTES:
            return None
        if self.headers.get("Content-Type") != "application/json":
            return None
        try:
            asked = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return asked if isinstance(asked, dict) else None

    def _tell(self, status: int, told: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _refuse(self, status: int) -> None:
        self._send(status, b"", "text/plain")

    def _send(
        self, status: int, body: bytes, kind: str, policy: str = "default-src 'none'"
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing: the terminal is the player's."""
