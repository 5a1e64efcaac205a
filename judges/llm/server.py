"""A judging model on this machine: vLLM's OpenAI-compatible server, on loopback, with a key."""

from __future__ import annotations

import http.client
import importlib.metadata
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from judges.errors import ServeError
from judges.llm.guard import KEY_VARIABLE
from judges.llm.judge import LLMJudge

HOST = "127.0.0.1"
CPU_CACHE_GIB = 2
_CPU_CACHE = "VLLM_CPU_KVCACHE_SPACE"
_CACHE_ARGUMENTS = ("--kv-cache-memory-bytes", "--gpu-memory-utilization")
_LOG_TAIL = 2000


@dataclass(frozen=True)
class JudgeServer:
    """A running server.

    Attributes:
        base_url: Where its API is, such as ``"http://127.0.0.1:8123/v1"``.
        api_key: The key it asks for.
        model: The model's name there.
        process: Its process.
        log: The file that holds what it printed.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def wait(self) -> NoReturn:
        """Waits until the server ends of itself.

        Raises:
            ServeError: When it does, with the end of its output.
        """
        code = self.process.wait()
        raise ServeError(f"The judge's server ended with {code}.{_tail(self.log)}")

    def connect(self, **kwargs: object) -> LLMJudge:
        """Builds a judge that asks this server, with vLLM's structured choice.

        Args:
            **kwargs: Further arguments of `LLMJudge`.
        """
        settings: dict[str, object] = {"structured": "choice", **kwargs}
        return LLMJudge(self.model, base_url=self.base_url, api_key=self.api_key, **settings)  # type: ignore[arg-type]


@contextmanager
def serve(
    model: str | Path,
    *,
    port: int = 0,
    api_key: str | None = None,
    served_name: str = "judge",
    extra_args: Sequence[str] = (),
    start_seconds: float = 600.0,
    log: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[JudgeServer]:
    """Starts vLLM's server on loopback, waits until it is ready, and stops it at the end.

    The key travels in the environment, so that no list of processes shows it; every address but
    ``GET /health`` asks for it. When this process ends, however that is, the server ends too.
    On a CPU its key-value cache takes `CPU_CACHE_GIB` GiB, unless `env` or `extra_args` say
    something of it; vLLM's own default is 92% of the memory.

    Args:
        model: A model's folder, or its name where models are found.
        port: Port to listen on; 0 picks a free one.
        api_key: Key that clients must show; None makes one up.
        served_name: The model's name in the API.
        extra_args: Further arguments of ``vllm serve``, such as ``["--max-model-len", "2048"]``.
        start_seconds: Seconds the server may take to get ready.
        log: File for its output; None takes a temporary one, deleted at the end.
        env: Environment variables to add, for the server and the processes it starts.

    Yields:
        The running server.

    Raises:
        ServeError: If vLLM is not installed, or the server ends or is not ready in time; with the
            end of its output.
    """
    if importlib.util.find_spec("vllm") is None:
        raise ServeError("A local judge needs vLLM: pip install -e '.[cpu]' or '.[gpu]'")
    api_key = api_key or secrets.token_urlsafe(24)
    port = port or _free_port()
    with tempfile.TemporaryDirectory(prefix="judge-server-") as folder:
        path = Path(log) if log is not None else Path(folder) / "server.log"
        command = _command(model, port, served_name, extra_args)
        with path.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(env or {}, api_key, extra_args),
                start_new_session=True,
            )
        try:
            with _watched(process.pid):
                _wait_until_ready(process, port, start_seconds, path)
                url = f"http://{HOST}:{port}/v1"
                yield JudgeServer(url, api_key, served_name, process, path)
        finally:
            _stop(process)


def _environment(env: Mapping[str, str], api_key: str, extra_args: Sequence[str]) -> dict[str, str]:
    """Environment of the server: its key, where our modules are, and how much memory it takes."""
    made = {**os.environ, **env, KEY_VARIABLE: api_key}
    paths = [made.get("PYTHONPATH", ""), str(Path(__file__).parents[2])]
    made["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    told = any(each.partition("=")[0] in _CACHE_ARGUMENTS for each in extra_args)
    if _on_cpu() and not told:
        made.setdefault(_CPU_CACHE, str(CPU_CACHE_GIB))
    return made


def _on_cpu() -> bool:
    """Whether the vLLM that is installed was built for a CPU, as it finds out itself."""
    found = {}
    for name in ("vllm", "vllm-cpu"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return "vllm-cpu" in found or "cpu" in found.get("vllm", "")


@contextmanager
def _watched(group: int) -> Iterator[None]:
    """Has the server ended when this process is killed meanwhile, and cannot end it itself."""
    script = str(Path(__file__).with_name("watch.py"))
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", script, str(group), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        watcher.communicate(b"x")


def _command(
    model: str | Path, port: int, served_name: str, extra_args: Sequence[str]
) -> list[str]:
    """Builds the server's command line."""
    return [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(model),
        "--served-model-name",
        served_name,
        "--host",
        HOST,
        "--port",
        str(port),
        "--middleware",
        "judges.llm.guard.KeyGuard",
        *extra_args,
    ]


def _free_port() -> int:
    """Returns a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(
    process: subprocess.Popen[bytes], port: int, seconds: float, log: Path
) -> None:
    """Asks for the server's health until it answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServeError(f"The judge's server ended with {process.returncode}.{_tail(log)}")
        if _healthy(port):
            return
        time.sleep(0.25)
    raise ServeError(f"The judge's server was not ready after {seconds:g} s.{_tail(log)}")


def _healthy(port: int) -> bool:
    """True when the server says that it is well."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    """Returns the end of the server's output, on lines of its own."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return f"\n{text[-_LOG_TAIL:]}" if text else ""


def _stop(process: subprocess.Popen[bytes], grace_seconds: float = 20.0) -> None:
    """Ends the server and what it started: politely, then not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
