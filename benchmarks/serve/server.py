"""The server: on loopback alone, in a thread of its own, stopped in good order."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.serve.app import HOST, Desk, application
from benchmarks.serve.batcher import Batcher
from benchmarks.serve.settings import ServeSettings
from benchmarks.serve.speakers import Speaker
from vt_env import ConfigError, VisionThinkError


class ServerError(VisionThinkError):
    """The server did not start, or ended of itself."""


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        base_url: Where its API is, such as ``"http://127.0.0.1:8123/v1"``.
        model: The model's name there.
        key: The key that it asks for; None: it asks for none.
        thread: Where it runs.
    """

    base_url: str
    model: str
    key: str | None = field(repr=False)
    thread: threading.Thread = field(repr=False)

    def wait(self) -> None:
        """Waits until the server ends of itself.

        Raises:
            ServerError: When it does.
        """
        while self.thread.is_alive():
            self.thread.join(0.2)
        raise ServerError("The server ended of itself; the log says why.")


@contextmanager
def served(settings: ServeSettings, make: Callable[[], Speaker], port: int = 0) -> Iterator[Served]:
    """Serves a speaker until the end of the block.

    At the end nothing new is taken; requests under way have `ServeSettings.grace` seconds.

    Args:
        settings: How it is served.
        make: Makes the speaker; is called when the port is known to be free.
        port: Where to listen; 0: any free port.

    Yields:
        The running server.

    Raises:
        ConfigError: If the port is taken, or the key is not there.
        ServerError: If it does not start.
        ImportError: If what serves is not installed.
    """
    import uvicorn

    key = settings.made_key()
    with _listening(port) as listener:
        speaker = make()
        batcher = Batcher(speaker.speak, settings.batch, settings.wait)
        desk = Desk(speaker, batcher, settings.name, key, settings.most_bytes)
        config = uvicorn.Config(
            application(desk),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.grace),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="server", daemon=True)
        thread.start()
        try:
            _until_ready(server, thread)
            url = f"http://{HOST}:{listener.getsockname()[1]}/v1"
            yield Served(url, settings.name, key, thread)
        finally:
            server.should_exit = True
            thread.join()
            # One that is still in the engine cannot be told to stop; it goes with the process.
            if batcher.close(settings.grace):
                speaker.close()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket on loopback."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(128)  # one that is bound alone does not keep others from the port
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port {port} cannot be listened on ({error}); 0 takes a free one."
            ) from error
        yield listener


def _until_ready(server: object, thread: threading.Thread) -> None:
    while not getattr(server, "started", False):
        if not thread.is_alive():
            raise ServerError("The server did not start; the log says why.")
        time.sleep(0.01)
