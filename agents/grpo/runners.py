"""Work shared out among env runners, and put together in the order of the shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from agents.errors import TrainingError
from agents.grpo.env_runner import GRPOEnvRunner

_T = TypeVar("_T")


def on_runners(group: Any, processes: int, work: Callable[[GRPOEnvRunner, int], _T]) -> list[_T]:
    """What each runner makes of its share; whichever is done first, the order is the shares'.

    Args:
        group: RLlib's `EnvRunnerGroup`.
        processes: Env runner processes; 0: the one runner is in this process.
        work: Given a runner, and the number of its share from 0.

    Raises:
        TrainingError: If a runner failed.
    """

    def run(runner: GRPOEnvRunner) -> tuple[int, _T]:
        place = max(0, (runner.worker_index or 1) - 1)
        return place, work(runner, place)

    wanted = max(1, processes)
    parts = dict(group.foreach_env_runner(run, local_env_runner=processes == 0))
    if len(parts) < wanted:
        raise TrainingError(
            f"{wanted - len(parts)} of {wanted} env runners failed. Their own logs say why."
        )
    return [parts[place] for place in sorted(parts)]
