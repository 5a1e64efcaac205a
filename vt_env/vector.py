"""`VisionThinkVectorEnv`: many episodes at once, one judge batch a step."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from judges import JudgeCase, JudgeLike, Verdict
from vt_env.data.load import hands_on
from vt_env.env import VisionThinkEnv, choose_index, describe, observe
from vt_env.episode import Episode, Transition
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.render import render

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass
class _Lane:
    """One of the parallel courses: its own generator, its own episode."""

    rng: np.random.Generator
    episode: Episode | None = None
    index: int = -1


class VisionThinkVectorEnv(VectorEnv[dict[str, Any], Sequence[str], Any]):
    """Steps `num_envs` episodes together; `gymnasium.make_vec("VisionThink-v0", num_envs=N)`.

    ## Description
    Same seeds, same actions: same episodes as Gymnasium's `SyncVectorEnv` of `VisionThinkEnv`s.
    Unlike it, there is one dataset, one judge, and all the answers of a step are judged in one
    batch, so a model that judges is asked once a step.

    ## Observation Space
    That of `VisionThinkEnv`, batched: ``image``, ``question`` and ``feedback`` as tuples, ``turn``
    and ``visual_tokens`` as int64 arrays of shape (num_envs,).

    ## Action Space
    A sequence of `num_envs` texts, each as for `VisionThinkEnv`.

    ## Starting State, Rewards, Episode End
    Those of `VisionThinkEnv`, episode by episode; every episode draws its samples with its own
    generator. `autoreset_mode` says when a finished episode gives way to the next.

    ## Information
    The keys of `VisionThinkEnv`, each as an array (num_envs,), with a bool array under ``"_" +
    key`` that marks the episodes that have it.

    ## Arguments
    ```python
    import gymnasium
    envs = gymnasium.make_vec("vt_env:VisionThink-v0", num_envs=8, split="test")
    ```

    Args:
        num_envs: How many episodes run at once, at least 1.
        autoreset_mode: When a finished episode gives way to the next (see Gymnasium's
            `AutoresetMode`): ``NEXT_STEP`` (its action is then ignored), ``SAME_STEP`` (the last
            observation and info are in ``infos["final_obs"]`` and ``infos["final_info"]``) or
            ``DISABLED`` (reset with ``options={"reset_mask": …}``).
        workers: Threads that decode and resize images; None: one a processor, at most 8.
            Samples are taken from the dataset in the calling thread.
        **settings: Those of `VisionThinkEnv`.

    Raises:
        ConfigError, UnknownNameError, DatasetError: As `VisionThinkEnv` does.

    ## Version History
    * v0: initial version
    """

    _threads: ThreadPoolExecutor | None = None

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        workers: int | None = None,
        **settings: Any,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs must be at least 1, got {num_envs}.")
        if workers is not None and workers < 1:
            raise ConfigError(f"workers must be at least 1, got {workers}.")
        modes = [mode.value for mode in AutoresetMode]
        if autoreset_mode not in (*modes, *AutoresetMode):
            raise UnknownNameError("autoreset mode", str(autoreset_mode), modes)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        with hands_on(VisionThinkVectorEnv):
            self.template_env = VisionThinkEnv(**settings)
        self.metadata = {**VisionThinkEnv.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = self.template_env.render_mode
        self.single_observation_space = self.template_env.observation_space
        self.single_action_space = self.template_env.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._workers = min(8, os.cpu_count() or 1) if workers is None else workers
        self._lanes = [_Lane(seeding.np_random()[0]) for _ in range(num_envs)]

    @property
    def judge(self) -> JudgeLike:
        """The judge of all episodes."""
        return self.template_env.judge

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts all episodes, or those that ``options["reset_mask"]`` marks.

        Args:
            seed: One seed an episode; an int n means n, n + 1, …; None: generators go on.
            options: Those of `VisionThinkEnv.reset`, for each episode; and ``reset_mask``, a bool
                array of shape (num_envs,).

        Raises:
            ConfigError: If there are not as many seeds or mask values as episodes, or an option
                is unknown.
        """
        seeds = self._seeds(seed)
        chosen = dict(options or {})
        mask = np.asarray(chosen.pop("reset_mask", np.ones(self.num_envs, np.bool_)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ConfigError(f"reset_mask is a bool array of shape ({self.num_envs},), not empty.")
        numbers = [int(number) for number in np.flatnonzero(mask)]
        for number in numbers:
            own_seed = seeds[number]
            if own_seed is not None:
                self._lanes[number].rng = seeding.np_random(own_seed)[0]
        started = self._start(numbers, chosen)
        return self._observe(), batch_infos([started.get(n) for n in range(self.num_envs)])

    def step(
        self, actions: Sequence[str]
    ) -> tuple[dict[str, Any], FloatArray, BoolArray, BoolArray, dict[str, Any]]:
        """Takes one turn in every episode; finished ones give way by the autoreset mode.

        Args:
            actions: One text an episode.

        Returns:
            Observations; rewards (num_envs,); terminated (num_envs,); truncated (num_envs,),
            always False; infos, batched as Gymnasium does.

        Raises:
            gymnasium.error.InvalidAction: If there are not `num_envs` texts.
            gymnasium.error.ResetNeeded: If an episode is not under way.
        """
        self._check(actions)
        rewards = np.zeros(self.num_envs, np.float64)
        terminated = np.zeros(self.num_envs, np.bool_)
        played = [n for n in range(self.num_envs) if not self._awaits_reset(n)]
        turns = self._map(lambda n: self._episode(n).step(actions[n]), played)
        transitions = dict(zip(played, turns, strict=True))
        verdicts = self._verdicts(transitions)
        infos: dict[int, dict[str, Any]] = {}
        for number, transition in transitions.items():
            episode, terms = self._episode(number), dict(transition.reward_terms)
            if number in verdicts:
                terms |= episode.settle(verdicts[number])
            rewards[number], terminated[number] = sum(terms.values()), episode.done
            infos[number] = describe(episode, self._lanes[number].index, terms)
        begun = [number for number in range(self.num_envs) if number not in transitions]
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            begun = [number for number in played if terminated[number]]
            for number in begun:
                final = observe(self._episode(number))
                infos[number] = {"final_obs": final, "final_info": infos[number]}
        for number, info in self._start(begun, {}).items():
            infos[number] = {**infos.get(number, {}), **info}
        truncated = np.zeros(self.num_envs, np.bool_)
        batched = batch_infos([infos[number] for number in range(self.num_envs)])
        return self._observe(), rewards, terminated, truncated, batched

    def render(self) -> tuple[Any, ...]:
        """Renders every episode in the render mode."""
        return tuple(render(lane.episode, self.render_mode) for lane in self._lanes)

    def close_extras(self, **_: Any) -> None:
        """Ends the threads."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the threads, which a copy starts anew."""
        return {**self.__dict__, "_threads": None}

    def _map(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Does the image work of several episodes at once; Pillow lets threads run meanwhile."""
        if self._workers == 1 or len(items) < 2:
            return [work(item) for item in items]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._workers, "vision-think")
        return list(self._threads.map(work, items))

    def _start(self, numbers: Sequence[int], options: Mapping[str, Any]) -> dict[int, Any]:
        """Starts the numbered episodes; returns their infos."""
        factory = self.template_env.factory
        samples = []
        for number in numbers:
            lane = self._lanes[number]
            lane.index = choose_index(factory.dataset, lane.rng, options)
            samples.append(factory.dataset[lane.index])
        infos = {}
        for number, episode in zip(numbers, self._map(factory.on, samples), strict=True):
            self._lanes[number].episode = episode
            infos[number] = describe(episode, self._lanes[number].index, {})
        return infos

    def _episode(self, number: int) -> Episode:
        episode = self._lanes[number].episode
        if episode is None:
            raise gymnasium.error.ResetNeeded(f"Episode {number} has not begun; call reset().")
        return episode

    def _awaits_reset(self, number: int) -> bool:
        done = self._episode(number).done
        if done and self.autoreset_mode is AutoresetMode.DISABLED:
            raise gymnasium.error.ResetNeeded(f"Episode {number} is over; reset it.")
        return done

    def _verdicts(self, transitions: Mapping[int, Transition]) -> dict[int, Verdict]:
        """Judges all the answers of a step in one batch."""
        cases: dict[int, JudgeCase] = {
            number: transition.case
            for number, transition in transitions.items()
            if transition.case is not None
        }
        if not cases:
            return {}
        return dict(zip(cases, self.judge.judge(list(cases.values())), strict=True))

    def _observe(self) -> dict[str, Any]:
        seen = [observe(self._episode(number)) for number in range(self.num_envs)]
        batch: dict[str, Any] = {
            key: tuple(observation[key] for observation in seen)
            for key in ("image", "question", "feedback")
        }
        for key in ("turn", "visual_tokens"):
            batch[key] = np.array([observation[key] for observation in seen], np.int64)
        return batch

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + number for number in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ConfigError(f"Expected {self.num_envs} seeds, got {len(seed)}.")
        return seed

    def _check(self, actions: Sequence[Any]) -> None:
        if isinstance(actions, str) or len(actions) != self.num_envs:
            raise gymnasium.error.InvalidAction(f"Actions are {self.num_envs} texts.")
        for action in actions:
            if not isinstance(action, str):
                kind = type(action).__name__
                raise gymnasium.error.InvalidAction(f"An action is a text (str), got {kind}.")


def batch_infos(infos: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Batches the infos of all episodes as `VectorEnv._add_info` does, a column at a time.

    Args:
        infos: One info an episode; None where there is none.

    Returns:
        For every key an array (num_envs,), of numbers when the first value is one, else of
        objects; or a dict of such arrays when the values are dicts; and under ``"_" + key`` a
        bool array that marks the episodes that have the key.
    """
    keys = dict.fromkeys(key for info in infos if info is not None for key in info)
    batch: dict[str, Any] = {}
    for key in keys:
        present = np.array([info is not None and key in info for info in infos], np.bool_)
        values = [info[key] if info is not None and key in info else None for info in infos]
        batch[key] = _column(key, values, present)
        batch[f"_{key}"] = present
    return batch


def _column(key: str, values: list[Any], present: BoolArray) -> Any:
    first = values[int(np.argmax(present))]
    if isinstance(first, dict) and key != "final_obs":
        return batch_infos(values)
    if type(first) not in (int, float, bool):
        return np.fromiter(values, dtype=object, count=len(values))
    numbers = (value if there else 0 for value, there in zip(values, present, strict=True))
    return np.fromiter(numbers, dtype=type(first), count=len(values))
