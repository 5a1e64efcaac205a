"""What several learners tell each other, so that together they take the step of the whole batch.

Every call is made by each learner the same number of times, whatever it holds; with one learner
each is the identity.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

if TYPE_CHECKING:
    import torch

BUCKET = 2**26
"""Numbers that are exchanged at once."""
LOOPBACK = "127.0.0.1"


def meet_on_loopback() -> None:
    """Has learners that are all on this machine meet where nobody else can reach them.

    torch's store, by which they find each other, listens on all interfaces wherever it is.
    """
    handlers: dict[str, Any] = import_module("torch.distributed.rendezvous")._rendezvous_handlers
    before = handlers["env"]
    if before is not _by_loopback:
        _elsewhere[:] = [before]
        handlers["env"] = _by_loopback


_elsewhere: list[Any] = []


def _by_loopback(url: str, timeout: Any = None, **options: Any) -> Iterator[Any]:
    """As torch's own for ``env://``; the first rank listens on loopback, if that is its address."""
    given = {name: found[0] for name, found in parse_qs(urlparse(url).query).items()}
    rank = int(given.get("rank", os.environ.get("RANK", "-1")))
    world = int(given.get("world_size", os.environ.get("WORLD_SIZE", "-1")))
    bound = {} if timeout is None else {"timeout": timeout}
    if os.environ.get("MASTER_ADDR") != LOOPBACK or rank != 0:
        yield from _elsewhere[0](url, **bound, **options)
        return
    door = socket.create_server((LOOPBACK, int(os.environ["MASTER_PORT"])))
    port = door.getsockname()[1]
    store = import_module("torch.distributed.rendezvous").TCPStore(
        LOOPBACK,
        port,
        world,
        is_master=True,
        multi_tenant=True,
        master_listen_fd=door.detach(),
        **bound,
    )
    yield store, rank, world


def several() -> bool:
    """Whether there are other learners."""
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def summed(values: Sequence[float], device: torch.device | str) -> list[float]:
    """Sums over all learners, place by place."""
    return _reduced(values, device, "SUM")


def largest(values: Sequence[float], device: torch.device | str) -> list[float]:
    """Largest over all learners, place by place."""
    return _reduced(values, device, "MAX")


def _reduced(values: Sequence[float], device: torch.device | str, how: str) -> list[float]:
    if not several():
        return list(values)
    import torch
    import torch.distributed as dist

    tensor = torch.tensor(list(values), dtype=torch.float64, device=device)
    dist.all_reduce(tensor, getattr(dist.ReduceOp, how))
    return [float(value) for value in tensor.tolist()]


def summed_by_name(values: Mapping[str, float]) -> dict[str, float]:
    """Sums over all learners, name by name; some may lack some names."""
    if not several():
        return dict(values)
    import torch.distributed as dist

    parts: list[dict[str, float]] = [{}] * dist.get_world_size()
    dist.all_gather_object(parts, dict(values))
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum(part.get(name, 0.0) for part in parts) for name in names}


def sum_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Gives every learner the sum of all gradients; one that has none of a parameter adds 0.

    Losses of learners are divided by the size of the whole batch, so the sum of their gradients is
    that of the whole batch.

    Args:
        parameters: Those that are trained, in the same order on all learners.
    """
    if not several():
        return
    import torch
    import torch.distributed as dist

    def exchange(some: Sequence[torch.nn.Parameter]) -> None:
        flat = torch.cat([_gradient(p).flatten() for p in some])
        dist.all_reduce(flat)
        for parameter, part in zip(some, flat.split([p.numel() for p in some]), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    waiting: list[torch.nn.Parameter] = []
    for parameter in parameters:
        full = sum(p.numel() for p in waiting) + parameter.numel() > BUCKET
        if waiting and (full or waiting[0].dtype != parameter.dtype):
            exchange(waiting)
            waiting = []
        waiting.append(parameter)
    if waiting:
        exchange(waiting)


def _gradient(parameter: torch.nn.Parameter) -> torch.Tensor:
    import torch

    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
