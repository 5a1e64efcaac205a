"""Ray of our own: who can reach it, who is told when it ends, and what it leaves."""

import os
import signal
import socket
import stat
import struct
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from agents.errors import ProcessEndedError
from agents.scratch import OWNER, scratch_folder, started
from benchmarks.safety.own_ray import PREFIX, given_address, keep_log, own_ray
from benchmarks.safety.stopping import stoppable
from vt_env.errors import ConfigError

MEGABYTE = 1024**2


@ray.remote(num_cpus=0)
class Worker:
    def pid(self) -> int:
        return os.getpid()

    def wait(self) -> None:
        time.sleep(600)


def listening() -> dict[str, str]:
    """The addresses that are listened at, by the inode of their socket."""
    found = {}
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                words = [int(fields[1][i : i + 8], 16) for i in range(0, len(fields[1]) - 5, 8)]
                host = socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))
                found[fields[9]] = host.removeprefix("::ffff:")
    return found


def doors() -> dict[str, set[str]]:
    """Where this process and those that it started listen, by their names."""
    hosts, found = listening(), dict[str, set[str]]()
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        for file in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                inode = file.readlink().name.removeprefix("socket:[").removesuffix("]")
            except OSError:
                continue
            if inode in hosts:
                found.setdefault(process.name(), set()).add(hosts[inode])
    return found


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A short folder for Ray's."""
    folder = Path(f"/tmp/v{os.getpid() % 10**5}")
    folder.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    yield folder
    for left in folder.iterdir():
        assert left.name.startswith(PREFIX)
    os.system(f"rm -rf {folder}")


def test_every_door_is_on_loopback_and_the_folder_is_closed(base: Path) -> None:
    dead = scratch_folder(base, PREFIX)
    owner = (dead / OWNER).read_text().split()
    (dead / OWNER).write_text(" ".join(["4194305", *owner[1:]]))
    before = dict(os.environ)
    with own_ray(2, 80 * MEGABYTE):
        assert not dead.exists()
        assert ray.get(Worker.remote().pid.remote()) != os.getpid()
        found = doors()
        (folder,) = base.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
        assert ray._private.worker._global_node.get_session_dir_path().startswith(str(folder))
        assert os.environ["RAY_AUTH_MODE"] == "token"
    assert {"gcs_server", "raylet"} <= found.keys()
    assert set.union(*found.values()) == {"127.0.0.1"}, found
    assert not folder.exists()
    for name in ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_TOKEN_PATH"):
        assert os.environ.get(name) == before.get(name)


@pytest.mark.parametrize("kind", ["gcs_server", pytest.param("raylet", marks=pytest.mark.slow)])
def test_the_end_of_ray_is_told_while_it_is_waited_for(
    kind: str, base: Path, tmp_path: Path
) -> None:
    with (
        stoppable(),
        pytest.raises(ProcessEndedError, match=f"Ray's {kind} .* ended. Its log: ") as found,
        own_ray(2, 80 * MEGABYTE, tmp_path / "logs"),
    ):
        (process,) = (p for p in psutil.Process().children() if p.name() == kind)
        worker = Worker.remote()
        pid = ray.get(worker.pid.remote())
        answer = worker.wait.remote()
        os.kill(process.pid, signal.SIGKILL)
        ray.get(answer)
    assert found.value.log == tmp_path / "logs" / f"{kind}.out"
    assert found.value.log.read_bytes()
    assert not ray.is_initialized()
    while started(pid) is not None:  # it ends with its raylet, a moment later
        time.sleep(0.1)
    assert not list(base.iterdir())


@pytest.mark.slow
def test_what_it_is_given_is_watched_too(base: Path) -> None:
    with (
        stoppable(),
        pytest.raises(ProcessEndedError, match=r"learner 1 \(pid \d+\) ended. Its log: .*\.err"),
        own_ray(2, 80 * MEGABYTE) as watch,
    ):
        pid = ray.get(Worker.remote().pid.remote())
        watch.also({"learner 1": pid})
        os.kill(pid, signal.SIGKILL)
        time.sleep(600)


def test_a_folder_without_room_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/tmp/" + "long" * 10)
    with (
        pytest.raises(ConfigError, match=r"RAY_TMPDIR: .* too long for the sockets"),
        own_ray(2, 1),
    ):
        pass
    monkeypatch.setenv("RAY_TMPDIR", "/none")
    with pytest.raises(ConfigError, match="RAY_TMPDIR: /none is no folder"), own_ray(2, 1):
        pass


def test_a_cluster_of_ones_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray.example:6379")
    assert given_address() == "ray.example:6379"
    assert given_address("auto") == "auto"
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert given_address() is None


def test_the_end_of_a_log_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "x.out"
    log.write_bytes(b"a" * 300_000 + b"end")
    kept = keep_log(log, tmp_path / "logs")
    assert kept == tmp_path / "logs" / "x.out"
    assert kept.stat().st_size == 256 * 1024
    assert kept.read_bytes().endswith(b"end")
    assert keep_log(tmp_path, tmp_path / "logs") == tmp_path
