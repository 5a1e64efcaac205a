"""The key at every address, memory on a CPU, and the end of a server whose starter is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from judges.llm import server as serving
from judges.llm.guard import KeyGuard

# A server with a child, neither of which hears SIGTERM; it says its numbers when it is asked.
FAMILY = """
import http.server, os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[2], "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""
STARTER = """
import importlib.util, sys, time
from judges.llm import server
code, pids, log = sys.argv[1:]
importlib.util.find_spec = lambda name: True
server._command = lambda model, port, *_: [sys.executable, "-c", code, str(port), pids]
with server.serve("model", log=log):
    print("ready", flush=True)
    time.sleep(600 if log.endswith("killed") else 0)
"""


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and is not reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks into /proc")
@pytest.mark.parametrize("how", ["killed", "left"])
def test_the_server_and_its_children_end_with_who_started_it(how: str, tmp_path: Path) -> None:
    pids, log = tmp_path / "pids", tmp_path / how
    command = [sys.executable, "-c", STARTER, FAMILY, str(pids), str(log)]
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        command, cwd=root, env={**os.environ, "PYTHONPATH": root}, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"ready\n", log.read_text()
        family = [int(pid) for pid in pids.read_text().split()]
        if how == "killed":
            assert all(_alive(pid) for pid in family)
            starter.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while any(_alive(pid) for pid in family):
        assert time.monotonic() < deadline, "the server outlives who started it"
        time.sleep(0.1)


def ask(path: str, *keys: str, method: str = "GET", kind: str = "http") -> list[Any]:
    """Asks a guarded application that answers everything; returns what was sent."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send("answered")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"Authorization", key.encode()) for key in keys]
    scope = {"type": kind, "method": method, "path": path, "headers": headers}
    asyncio.run(KeyGuard(app)(scope, receive, send))
    return sent


PATHS = ("/invocations", "/tokenize", "/v1/models", "/metrics", "/health/", "//health", "/")


@pytest.mark.parametrize("path", PATHS)
def test_every_address_asks_for_the_key(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "s3cret")
    for method in ("GET", "POST", "OPTIONS"):
        assert ask(path, "Bearer s3cret", method=method) == ["answered"]
        for keys in ((), ("Bearer wrong",), ("s3cret",), ("Basic s3cret",), ("Bearer",)):
            assert ask(path, *keys, method=method)[0]["status"] == 401
        assert ask(path, "Bearer s3cret", "Bearer wrong", method=method)[0]["status"] == 401
    assert ask(path, kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_anybody_may_ask_whether_it_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "s3cret")
    assert ask("/health") == ["answered"]
    assert ask("/health", method="POST")[0]["status"] == 401
    assert ask("", kind="lifespan") == ["answered"]


def test_a_server_without_a_key_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    with pytest.raises(RuntimeError, match="no key"):
        ask("/health")


def test_the_guard_is_in_the_command() -> None:
    command = serving._command("model", 1234, "judge", [])
    assert command[command.index("--middleware") + 1] == f"{KeyGuard.__module__}.KeyGuard"


def test_a_cpu_gives_little_memory_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    monkeypatch.setattr(serving, "_on_cpu", lambda: True)
    space = "VLLM_CPU_KVCACHE_SPACE"
    assert serving._environment({}, "k", [])[space] == str(serving.CPU_CACHE_GIB)
    assert serving._environment({space: "7"}, "k", [])[space] == "7"
    for told in (["--gpu-memory-utilization=0.5"], ["--kv-cache-memory-bytes", "1"]):
        assert space not in serving._environment({}, "k", told)
    monkeypatch.setattr(serving, "_on_cpu", lambda: False)
    made = serving._environment({"PYTHONPATH": "mine"}, "k", [])
    assert (space in made, made["VLLM_API_KEY"]) == (False, "k")
    assert made["PYTHONPATH"].split(os.pathsep)[0] == "mine"
