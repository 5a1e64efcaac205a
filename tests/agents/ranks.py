"""Gradients of 1, 2 and 4 learners on the same groups: ``python -m tests.agents.ranks FOLDER``."""

from __future__ import annotations

import datetime
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from tests.agents.helpers import build_learner

CASES: dict[str, dict[str, Any]] = {
    "dapo": {"beta": 0.0},
    "grpo": {"loss_type": "grpo", "beta": 0.05, "minibatch_size": 6, "num_iterations": 2},
}


def steps_of(learner: Any, groups: list[Any], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Gradient and loss of every step; none is taken, so that steps compare."""
    taken: list[dict[str, Any]] = []
    update = learner._update

    def kept(batch: Any) -> Any:
        parameters = [p for p in learner._params.values() if p.requires_grad]
        learner.apply_gradients = lambda _: taken.append(
            {"gradient": torch.cat([p.grad.flatten() for p in parameters])}
        )
        result = update(batch)
        taken[-1]["loss"] = float(result[1]["default_policy"])
        return result

    learner._update = kept
    learner.update(
        episodes=groups,
        num_epochs=settings.get("num_iterations", 1),
        minibatch_size=settings.get("minibatch_size"),
        timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 1},
    )
    return taken


def learn(rank: int, count: int, folder: Path) -> None:
    """One of the learners."""
    store = dist.FileStore(str(folder / f"store{count}"), count)
    timeout = datetime.timedelta(seconds=120)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=timeout)
    checkpoint, size, groups = pickle.loads((folder / "groups.pickle").read_bytes())
    found = {}
    for name, settings in CASES.items():
        learner = build_learner(Path(checkpoint), num_generations=size, **settings)
        parts = [
            shard.episodes for shard, _ in TrainingData(episodes=groups).shard(num_shards=count)
        ]
        if count == 4 and name == "dapo":  # one holds only the flat group, and one nothing at all
            parts = [groups[:5], groups[5:6], [], groups[6:]]
        found[name] = steps_of(learner, parts[rank], settings)
    if rank == 0:
        torch.save(found, folder / f"{count}.pt")
    dist.barrier()
    dist.destroy_process_group()


def main(folder: Path) -> None:
    """Forks the learners, before anything has started threads."""
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    for count in (1, 2, 4):
        children = []
        for rank in range(count):
            child = os.fork()
            if child == 0:
                try:
                    learn(rank, count, folder)
                except BaseException:
                    sys.excepthook(*sys.exc_info())
                    os._exit(1)
                os._exit(0)
            children.append(child)
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        if any(ended):
            raise SystemExit(f"a learner of {count} failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
