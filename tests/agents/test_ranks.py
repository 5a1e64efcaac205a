"""Where learners meet."""

import socket
import struct
from importlib import import_module
from pathlib import Path

import pytest

from agents.grpo.ranks import meet_on_loopback


def hosts(port: int) -> set[str]:
    """The addresses that a port is listened at."""
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            host, _, number = fields[1].partition(":")
            if fields[3] == "0A" and int(number, 16) == port:
                words = [int(host[i : i + 8], 16) for i in range(0, len(host), 8)]
                found.add(socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)))
    return found


@pytest.mark.parametrize("own", [True, False])
def test_learners_of_one_machine_meet_on_loopback(
    own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it torch listens on all interfaces."""
    from torch.distributed import TCPStore

    torchs = import_module("torch.distributed.rendezvous")
    monkeypatch.setitem(torchs._rendezvous_handlers, "env", torchs._env_rendezvous_handler)
    if own:
        meet_on_loopback()
        meet_on_loopback()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    store, rank, world = next(torchs.rendezvous("env://", 0, 1))
    assert (rank, world) == (0, 1)
    assert (hosts(port) == {"127.0.0.1"}) == own
    store.set("key", "value")
    assert TCPStore("127.0.0.1", port, is_master=False).get("key") == b"value"
