"""Work shared out among env runners, and put together in the order of the shares."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ray.exceptions import RayActorError, RayTaskError

from agents.errors import TrainingError
from agents.grpo.env_runner import GRPOEnvRunner
from agents.rollouts.trajectory import Trajectory

_T = TypeVar("_T")
_LOOK_S = 0.2
"""How long, in seconds, a runner that failed may go unnoticed while others still play."""
_calls = itertools.count()


@contextmanager
def own_errors() -> Iterator[None]:
    """Within, what a process of Ray fails with is raised here as it was there.

    Raises:
        TrainingError: If a process ended without an error of its own, killed for memory say.
        Exception: Whatever was raised in a process.
    """
    try:
        yield
    except RayTaskError as error:
        raise error.cause from error
    except RayActorError as error:
        raise TrainingError(f"The process of an env runner ended: {error}") from error


def on_runners(group: Any, processes: int, work: Callable[[GRPOEnvRunner, int], _T]) -> list[_T]:
    """What each runner makes of its share; whichever is done first, the order is the shares'.

    Args:
        group: RLlib's `EnvRunnerGroup`.
        processes: Env runner processes; 0: the one runner is in this process.
        work: Given a runner, and the number of its share from 0.

    Raises:
        TrainingError: If the process of a runner ended, or one is missing.
        Exception: The error of the first runner that failed, as soon as it failed.
    """

    def run(runner: GRPOEnvRunner) -> tuple[int, _T]:
        place = max(0, (runner.worker_index or 1) - 1)
        return place, work(runner, place)

    wanted = max(1, processes)
    with own_errors():
        found = _asked(group, run) if processes else group.foreach_env_runner(run)
    parts = dict(found)
    if len(parts) < wanted:
        raise TrainingError(
            f"{wanted - len(parts)} of {wanted} env runners failed. Their own logs say why."
        )
    return [parts[place] for place in sorted(parts)]


def _asked(group: Any, run: Callable[[GRPOEnvRunner], _T]) -> list[_T]:
    """Answers of all runners that are processes; does not wait for the others when one fails."""
    tag = f"on_runners {next(_calls)}"  # the answers to a call that failed are nobody's
    group.foreach_env_runner_async(run, tag=tag)
    found: list[_T] = []
    while group.num_in_flight_async_reqs(tag):
        ready = group.fetch_ready_async_reqs(tags=tag, timeout_seconds=_LOOK_S)
        found += [answer for _, answer in ready]
    return found


def play_groups(
    group: Any, processes: int, start: int, count: int, forced: float = 0.0
) -> tuple[list[Trajectory], list[dict[str, float]]]:
    """Groups of the prompt stream, shared out among the runners, in the order of the stream.

    Args:
        group: As for `on_runners`.
        processes: As there; `count` is a multiple of it.
        start: Position of the first group.
        count: How many.
        forced: Share of each group whose first decision is forced.

    Returns:
        The episodes, and the metrics of each runner's judge.
    """
    share = count // max(1, processes)
    how = {"forced": forced} if forced else {}

    def play(runner: GRPOEnvRunner, place: int) -> tuple[list[Trajectory], dict[str, float]]:
        found = runner.play_groups(start + place * share, share, **how)
        return found, runner.queue.metrics()

    parts = on_runners(group, processes, play)
    return [t for part, _ in parts for t in part], [metrics for _, metrics in parts]
