"""Work shared out among env runners, put together in the order of the shares, and compared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.core import COMPONENT_RL_MODULE

from agents.errors import TrainingError
from agents.grpo.advantages import advantage_estimator, comparison, finish_groups, shaped_group
from agents.grpo.credit import with_turn_advantages
from agents.grpo.env_runner import CHANGED, GRPOEnvRunner
from agents.grpo.packing.batching import as_groups
from agents.restarts import Restarts, ended
from agents.rollouts.balance import forced_share
from agents.rollouts.budget import priced
from agents.rollouts.collect import JUDGED
from agents.rollouts.filters import has_spread
from agents.rollouts.fixed import Pass
from agents.rollouts.refill import Gathered, gather
from agents.rollouts.stopwatch import Stopwatch, slowest
from agents.rollouts.trajectory import Trajectory
from judges import AbstentionLimit
from vt_env import group_shaper

_T = TypeVar("_T")
_LOOK_S = 0.2
"""How long, in seconds, a runner that failed may go unnoticed while others still play."""
_END_S = 5.0
"""How long, in seconds, runners have to end by themselves."""
_calls = itertools.count()


@contextmanager
def own_errors() -> Iterator[None]:
    """Within, what a process of Ray fails with is raised here as it was there.

    Raises:
        ProcessEndedError: If a process ended without an error of its own, killed for memory say.
        Exception: Whatever was raised in a process.
    """
    try:
        yield
    except RayTaskError as error:
        raise error.cause from error
    except RayActorError as error:
        raise ended(error) from error


def on_runners(group: Any, processes: int, work: Callable[[GRPOEnvRunner, int], _T]) -> list[_T]:
    """What each runner makes of its share; whichever is done first, the order is the shares'.

    A runner whose process ends is started again, as often as `Restarts` allows, and does its share
    from the beginning.

    Args:
        group: RLlib's `EnvRunnerGroup`.
        processes: Env runner processes; 0: the one runner is in this process.
        work: Given a runner, and the number of its share from 0.

    Raises:
        ProcessEndedError: If the process of a runner ended, once too often.
        TrainingError: If one is missing.
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
    manager, restarts = group._worker_manager, getattr(group, "restarts", NONE)
    group.foreach_env_runner_async(run, tag=tag)
    found: list[_T] = []
    while group.num_in_flight_async_reqs(tag):
        for answer in manager.fetch_ready_async_reqs(tags=tag, timeout_seconds=_LOOK_S):
            if answer.ok:
                found.append(answer.get())
                continue
            again = restarts.start(group, answer.actor_id, answer.get(), run)
            group.foreach_env_runner_async(again, tag=tag, remote_worker_ids=[answer.actor_id])
    return found


NONE = Restarts(0)
"""Of a group whose runners are not started again."""


def hand_over(
    group: Any, processes: int, weights: Any, changed: Sequence[str] | None = None
) -> None:
    """Has every engine take these weights, and waits until they are there.

    Args:
        group: As for `on_runners`.
        processes: As there.
        weights: Those of the policy.
        changed: Names of those that may differ from what the engines have; None: all.
    """
    sent = ray.put(weights) if processes else weights  # once, however many take them
    state = {COMPONENT_RL_MODULE: sent, **({} if changed is None else {CHANGED: changed})}

    def take(runner: GRPOEnvRunner, _place: int) -> None:
        runner.set_state(state)

    on_runners(group, processes, take)


def changing_weights(learners: Any) -> tuple[str, ...]:
    """Names of the weights that engines have to take anew after a step.

    Args:
        learners: RLlib's `LearnerGroup`.
    """
    asked = learners.foreach_learner(lambda learner: learner.changing())
    names: tuple[str, ...] = next(iter(asked)).get()
    return names


def stop_runners(group: Any) -> None:
    """Ends the processes of all runners: those that play on are killed after a few seconds.

    Args:
        group: RLlib's `EnvRunnerGroup`, whose own `stop` waits for whatever they are at.
    """
    manager = group._worker_manager
    manager.foreach_actor("stop", healthy_only=False, timeout_seconds=_END_S)
    manager.clear()


@dataclass(frozen=True)
class Share:
    """What a runner gives.

    Attributes:
        played: Its episodes, in the order of the prompt stream.
        judge: Metrics of its judge.
        seconds: How long phases took, by name.
    """

    played: list[Trajectory]
    judge: dict[str, float]
    seconds: dict[str, float]


def play_groups(
    group: Any, processes: int, start: int, count: int, forced: float = 0.0
) -> list[Share]:
    """Groups of the prompt stream, shared out among the runners, in the order of the stream.

    Args:
        group: As for `on_runners`.
        processes: As there; `count` is a multiple of it.
        start: Position of the first group.
        count: How many.
        forced: Share of each group whose first decision is forced.

    Returns:
        What each runner gave.
    """
    share = count // max(1, processes)

    def play(runner: GRPOEnvRunner, place: int) -> Share:
        found = runner.play_groups(start + place * share, share, forced)
        return Share(found, runner.queue.metrics(), runner.stopwatch.take())

    return on_runners(group, processes, play)


def play_fixed(
    group: Any,
    processes: int,
    env_settings: dict[str, Any],
    indices: Sequence[int],
    passes: Sequence[Pass],
) -> list[list[Trajectory]]:
    """Given samples, shared out among the runners; see `GRPOEnvRunner.play_fixed`.

    Args:
        group: As for `on_runners`.
        processes: As there.
        env_settings: Settings of the evaluation environment.
        indices: Which samples.
        passes: Ways of playing them.

    Returns:
        For each way one trajectory a sample, in order, without its images.
    """
    shares = np.array_split(np.asarray(indices, dtype=int), max(1, processes))

    def play(runner: GRPOEnvRunner, place: int) -> list[list[Trajectory]]:
        return runner.play_fixed(env_settings, [int(i) for i in shares[place]], passes)

    parts = on_runners(group, processes, play)
    return [[t for part in parts for t in part[way]] for way in range(len(passes))]


class GroupPlayer:
    """Plays the groups of an iteration, and compares their episodes.

    Shaping and advantages need the whole batch (``scale_rewards="batch"``), so they are computed
    here, on the driver, whichever runner played which group.

    Args:
        config: A `GRPOConfig`.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self._shaper = group_shaper(config.shaper, **config.shaper_params)
        self._estimator = advantage_estimator(config.advantage_estimator)
        episodes = config.num_prompts * config.num_generations
        self._abstentions = AbstentionLimit(config.max_abstention_share, episodes)

    def play(
        self, group: Any, start: int, iteration: int, multiplier: float, timed: Stopwatch
    ) -> tuple[Gathered, list[dict[str, float]]]:
        """The groups of an iteration, in the order of the prompt stream.

        Args:
            group: As for `on_runners`.
            start: Position of the first group.
            iteration: Which one, from 0.
            multiplier: Price of visual tokens that keeps a budget; see `agents.rollouts.budget`.
            timed: Is told how long phases took, on the runner that took longest.

        Returns:
            The episodes, shaped, those that are kept with advantages; and metrics of judges.

        Raises:
            AbstentionLimitError: If the judge abstained on too many of the answers.
        """
        config, judged = self._config, list[dict[str, float]]()
        forced = forced_share(config.balanced_exploration, config.balanced_steps, iteration)

        def play(position: int, count: int) -> list[Trajectory]:
            shares = play_groups(group, config.num_env_runners, position, count, forced)
            judged.extend(share.judge for share in shares)
            timed.add(slowest([share.seconds for share in shares]))
            played = [t for share in shares for t in share.played]
            self._abstentions.check(t.abstained for t in played if t.ending in JUDGED)
            return priced(played, multiplier)

        found = gather(
            play,
            self._tells,
            start=start,
            wanted=config.num_prompts,
            size=config.num_generations,
            max_refills=config.max_refills,
            multiple=max(1, config.num_env_runners),
        )
        kept = self._finish(found.kept)
        if not config.dynamic_sampling:
            return replace(found, kept=kept, played=kept), judged
        groups = as_groups(found.played, config.num_generations)
        shaped = [t for each in groups for t in shaped_group(each.members, self._shaper)]
        return replace(found, kept=kept, played=shaped), judged

    def _tells(self, group: Sequence[Trajectory]) -> bool:
        """Whether a group is kept."""
        return not self._config.dynamic_sampling or has_spread(shaped_group(group, self._shaper))

    def _finish(self, played: Sequence[Trajectory]) -> list[Trajectory]:
        """Episodes, groups one after the other, with shaping, advantages and credit."""
        config, size = self._config, self._config.num_generations
        done = finish_groups(
            played,
            size,
            self._shaper,
            config.scale_rewards,
            self._estimator,
            reward_weights=config.reward_weights,
            drop=config.drop_responses,
        )
        compare = comparison(size, config.scale_rewards, self._estimator, config.reward_weights)
        guard = self._shaper.sign_guard
        return with_turn_advantages(done, size, compare, config, sign_guard=guard)
