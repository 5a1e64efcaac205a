"""`Shards`: processes that share each batch of a pretraining, one thread each.

The parameters lie in memory that all processes see. Each draws and computes the gradient of its
own shard; the first one adds them up in a fixed order and takes the step, so the sum is the same at
every run. Threads within one process would share the matrix products alone.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from agents.models.chat import load_tokenizer
from agents.tiny.learner import Drawn, Learner
from agents.tiny.recipe import PretrainConfig
from vt_env import VisionThinkError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

STOP_SECONDS = 10.0
"""How long a process may take to stop before it is killed."""


class ShardError(VisionThinkError):
    """A process of a pretraining ended before its work was done."""


class Shards:
    """The other processes of a pretraining, as the first one sees them.

    Args:
        learner: The first process's own learner; its parameters move to shared memory.
        checkpoint: A saved checkpoint of the model, from which the processor is read.
    """

    def __init__(self, learner: Learner, checkpoint: Path) -> None:
        self.learner = learner
        self._parameters = _parameters(learner)
        weights = _share(self._parameters)
        context = torch.multiprocessing.get_context("spawn")
        self._workers = []
        for shard in range(1, learner.config.shards):
            gradient = torch.zeros_like(weights)
            gradient.share_memory_()
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, learner.config, checkpoint, shard, weights, gradient),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._workers.append((process, ours, _views(gradient, self._parameters)))

    def backward(self, stage: int, step: int) -> float:
        """Puts the mean gradient of all shards into the parameters; their mean loss.

        Raises:
            ShardError: If a process ended.
        """
        for process, pipe, _ in self._workers:
            with _told(process):
                pipe.send((stage, step))
        own = self.learner.loss(self.learner.draw(stage, step, 0))
        own.backward()
        losses = [float(own.detach())]
        share = 1 / self.learner.config.shards
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad *= share
        for process, pipe, gradients in self._workers:
            with _told(process):
                losses.append(pipe.recv())
            for parameter, theirs in zip(self._parameters, gradients, strict=True):
                if parameter.grad is not None:
                    parameter.grad.add_(theirs, alpha=share)
        return sum(losses) * share

    def close(self) -> None:
        """Ends the processes."""
        for process, pipe, _ in self._workers:
            pipe.close()
            process.join(STOP_SECONDS)
            if process.is_alive():
                process.kill()
        self._workers.clear()


@contextlib.contextmanager
def _told(process: Any) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        process.join(STOP_SECONDS)
        raise ShardError(
            f"A process of the pretraining ended with exit code {process.exitcode}; its output "
            f"is above. `visionthink pretrain --resume` goes on from the last saved state."
        ) from None


def _work(
    pipe: Connection,
    config: PretrainConfig,
    checkpoint: Path,
    shard: int,
    weights: torch.Tensor,
    gradient: torch.Tensor,
) -> None:
    """What one of the other processes does until its pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process stops the others
    torch.set_num_threads(1)
    learner = Learner(config, load_tokenizer(checkpoint), checkpoint)
    parameters = _parameters(learner)
    for parameter, shared in zip(parameters, _views(weights, parameters), strict=True):
        parameter.data = shared
    slots = _views(gradient, parameters)
    ahead: dict[tuple[int, int], Drawn] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            stage, step = pipe.recv()
            for parameter in parameters:
                parameter.grad = None
            loss = learner.loss(ahead.get((stage, step)) or learner.draw(stage, step, shard))
            loss.backward()
            for parameter, slot in zip(parameters, slots, strict=True):
                if parameter.grad is not None:
                    slot.copy_(parameter.grad)
            pipe.send(float(loss.detach()))
            # Drawn while the first process takes its step.
            ahead = {(stage, step + 1): learner.draw(stage, step + 1, shard)}


def _parameters(learner: Learner) -> list[torch.nn.Parameter]:
    return [*learner.model.parameters(), *learner.probes.parameters()]


def _share(parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    """Moves parameters into one shared tensor, which is returned, flat."""
    flat = torch.cat([parameter.detach().flatten() for parameter in parameters])
    flat.share_memory_()
    for parameter, view in zip(parameters, _views(flat, parameters), strict=True):
        parameter.data = view
    return flat


def _views(flat: torch.Tensor, parameters: list[torch.nn.Parameter]) -> list[torch.Tensor]:
    parts = flat.split([parameter.numel() for parameter in parameters])
    return [part.view_as(p) for part, p in zip(parts, parameters, strict=True)]
