"""Env runners whose process ended are started again, a few times."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.core import COMPONENT_RL_MODULE

from agents.errors import ProcessEndedError

_T = TypeVar("_T")
_LOOK_S = 5.0
"""How long, in seconds, learners have to say that they are there."""
_PAUSE_S = 1.0
"""How long, in seconds, it is seen whether all of Ray goes down, and not one runner alone."""


@dataclass(frozen=True)
class Restart:
    """That a runner was started again.

    Attributes:
        runner: Its number, from 1.
        pid: Of the process that ended; None where Ray did not say.
        log: Of that process; None: nobody knows where it is.
        times: How often this runner was started again.
        most: How often it may be.
    """

    runner: int
    pid: int | None
    log: Path | None
    times: int
    most: int

    def __str__(self) -> str:
        what = named(f"env runner {self.runner}", self.pid)
        log = f" Its log: {self.log}." if self.log else ""
        return (
            f"The process of {what} ended; it is started again ({self.times} of {self.most}), and "
            f"its groups are played again.{log}"
        )


def told(restart: Restart) -> None:
    """Says so in the log of this package."""
    logging.getLogger(__name__).warning("%s", restart)


class Restarts:
    """Starts the runners of a group again.

    Args:
        most: How often each of them may be.
        weights: Gives those that all runners have; a new one takes them before it does anything.

    Attributes:
        tell: Is told of each restart.
    """

    def __init__(self, most: int, weights: Callable[[], Any] | None = None) -> None:
        self.most, self._weights = most, weights
        self.tell: Callable[[Restart], None] = told
        self._times: Counter[int] = Counter()

    def start(
        self, group: Any, runner: int, error: Exception, work: Callable[[Any], _T]
    ) -> Callable[[Any], _T]:
        """Starts a runner again that did not come to the end of its work.

        Args:
            group: RLlib's `EnvRunnerGroup`.
            runner: Its number, from 1.
            error: What Ray says of it.
            work: What it was at.

        Returns:
            What it is to do now.

        Raises:
            ProcessEndedError: If it ended once too often.
            Exception: The error, where it did not end; its own, if it could not start.
        """
        if not isinstance(error, RayActorError) or error.actor_init_failed or not self.most:
            raise error
        time.sleep(_PAUSE_S)
        if self._times[runner] >= self.most:
            advice = f"It was started again {self.most} times (run.max_restarts)."
            raise ended(error, f"env runner {runner}", advice) from error
        self._times[runner] += 1
        pid = pid_of(error)
        self.tell(Restart(runner, pid, log_of(pid), self._times[runner], self.most))
        replace_runner(group, runner)
        sent = None if self._weights is None else ray.put(self._weights())

        def renewed(new: Any) -> _T:
            if sent is not None:
                new.set_state({COMPONENT_RL_MODULE: sent})
            return work(new)

        return renewed


def replace_runner(group: Any, runner: int) -> None:
    """Puts a new process in the place of a runner.

    RLlib's own ``restart_failed_env_runners`` hides why a runner cannot start.
    """
    manager = group._worker_manager
    ray.kill(manager._actors[runner])  # one that cannot be reached may live
    manager._actors[runner] = group._make_worker(
        env_creator=group._env_creator,
        validate_env=None,
        worker_index=runner,
        num_workers=manager.num_actors(),
        recreated_worker=True,
        config=group._remote_config_obj_ref,
    )
    manager.set_actor_state(runner, healthy=True)


@contextmanager
def learner_errors(group: Any) -> Iterator[None]:
    """Within, what learners fail with is raised as it was there; the others fail when one ends.

    Args:
        group: RLlib's `LearnerGroup`.

    Raises:
        ProcessEndedError: If the process of a learner ended.
        Exception: Whatever was raised in one.
    """
    try:
        yield
    except RayActorError as error:
        raise ended(error, "a learner") from error
    except RayTaskError as error:
        asked = group._worker_manager.foreach_actor(
            lambda _: None, healthy_only=False, timeout_seconds=_LOOK_S
        )
        for answer in asked:
            if isinstance(gone := answer.get(), RayActorError):
                raise ended(gone, "a learner") from error
        raise error.cause from error


def ended(error: RayActorError, what: str = "an env runner", advice: str = "") -> Exception:
    """An actor's end, told in a line; the error of its start, if it never worked."""
    if error.actor_init_failed:
        cause = getattr(error.args[0], "cause", None)
        return cause if isinstance(cause, Exception) else error
    pid = pid_of(error)
    return ProcessEndedError(named(what, pid), log_of(pid), advice)


def named(what: str, pid: int | None) -> str:
    """The same with its pid, where that is known."""
    return what if pid is None else f"{what} (pid {pid})"


def pid_of(error: BaseException) -> int | None:
    """The pid of an actor that ended, of what Ray says of it."""
    found = re.search(r"\bpid: (\d+)", str(error))
    return int(found[1]) if found else None


def log_of(pid: int | None) -> Path | None:
    """The file that a worker wrote its errors to, or the folder of all logs of this session."""
    node = ray._private.worker._global_node
    if node is None:
        return None
    logs = Path(node.get_logs_dir_path())
    files = sorted(logs.glob(f"worker-*-{pid}.err")) if pid is not None else []
    return files[0] if files else logs
