"""`GRPOEnvRunner`: plays groups of episodes with a generation engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ray
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from agents.backends import LoadsSome, Sampling, make_backend
from agents.rollouts.balance import balanced_force
from agents.rollouts.collect import collect, most_images
from agents.rollouts.fixed import Pass, play_passes
from agents.rollouts.prompt_order import prompt_indices
from agents.rollouts.stopwatch import Stopwatch
from agents.rollouts.trajectory import Trajectory
from judges import JudgeQueue, load_plugins
from vt_env import VisionThinkEnv, open_env

CHANGED = "changed"
"""In a state with weights: names of those that are not as they were when all were handed over."""


class GRPOEnvRunner(EnvRunner, Checkpointable):
    """Holds one engine and one environment; plays groups at given positions of the prompt stream.

    Where it is in the stream is told by the caller, so the runner has no state but its weights: a
    restarted runner, or a resumed run, plays what an unbroken one would have played.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self._weights_seq_no = 0
        load_plugins(config.plugins)
        self.make_env()
        self.make_module()

    def make_env(self) -> None:
        """Builds the environment, which owns data, judge, rules and rewards."""
        self.env = open_env(self.config.env, **self.config.play_env(self.config.env_config))
        self.queue = JudgeQueue(self.env.judge)
        self.stopwatch = Stopwatch()
        self._fixed: tuple[dict[str, Any], VisionThinkEnv] | None = None

    def make_module(self) -> None:
        """Starts the engine, with room for as many images as the rules allow."""
        self.backend = make_backend(
            self.config.backend,
            self.config.model_dir,
            max_model_len=self.config.max_model_len,
            images=most_images(self.env.factory.config),
            **self.config.backend_config,
        )

    def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a function makes of this runner; its error is the caller's.

        RLlib's ends the process on any error, a minute later, and the caller hears of an end.
        """
        return func(self, *args, **kwargs)

    def get_spaces(self) -> dict[str, Any]:
        """Spaces of the environment, as RLlib asks for them."""
        spaces = (self.env.observation_space, self.env.action_space)
        return {INPUT_ENV_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def assert_healthy(self) -> None:
        """Raises if the runner has no engine."""
        assert self.backend is not None

    def play_groups(self, start: int, count: int, forced: float = 0.0) -> list[Trajectory]:
        """Plays the groups at positions `start` to `start + count` of the prompt stream.

        Args:
            start: Position of the first.
            count: How many.
            forced: Share of each group whose first decision is forced; see
                `agents.rollouts.balance`. None of a group is where no request can be forced.

        Returns:
            `num_generations` trajectories a group, in order; their advantages are computed where
            the whole batch is.
        """
        config, factory = self.config, self.env.factory
        self.stopwatch.take()  # what a call that failed has left
        indices = prompt_indices(len(factory.dataset), config.seed or 0, start, count)
        groups = [factory.group(i, config.num_generations) for i in indices]
        episodes = [e for group in groups for e in group]
        sampling = Sampling(
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            seed=((config.seed or 0) * 1_000_003 + start) % 2**40,
        )
        force = balanced_force(groups, start, forced) if forced else None
        played = collect(self.backend, episodes, self.queue, sampling, force, self.stopwatch)
        places = [i for i in indices for _ in range(config.num_generations)]
        return [replace(t, index=i) for t, i in zip(played, places, strict=True)]

    def play_fixed(
        self, env_settings: dict[str, Any], indices: Sequence[int], passes: Sequence[Pass]
    ) -> list[list[Trajectory]]:
        """Plays the samples at `indices` of another dataset in several ways, for evaluation.

        Args:
            env_settings: Settings of the evaluation environment.
            indices: Which samples.
            passes: The ways.

        Returns:
            For each way one trajectory a sample, in order, without its images.
        """
        env = self._fixed_env(env_settings)
        return play_passes(self.backend, env.factory, env.judge, indices, passes)

    def _fixed_env(self, settings: dict[str, Any]) -> VisionThinkEnv:
        """The environment of these settings; the last one is kept, so that its data stays open."""
        if self._fixed is None or self._fixed[0] != settings:
            if self._fixed is not None:
                self._fixed[1].close()
            env = open_env(self.config.env, **self.config.play_env(settings))
            self._fixed = (dict(settings), env)
        return self._fixed[1]

    def sample(self, **_kwargs: Any) -> list[Trajectory]:
        """Plays one group from the start of the stream (RLlib's interface; GRPO asks for more)."""
        return self.play_groups(0, 1)

    def get_metrics(self) -> Any:
        """Metrics of this runner; those of the rollouts are computed from the trajectories."""
        return self.metrics.reduce()

    def get_state(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """Nothing to save: the weights are the learner's."""
        return {WEIGHTS_SEQ_NO: self._weights_seq_no}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes new weights into the engine: all, or of those named under `CHANGED` alone."""
        if COMPONENT_RL_MODULE not in state:
            return
        weights = state[COMPONENT_RL_MODULE]
        if isinstance(weights, ray.ObjectRef):
            weights = ray.get(weights)
        weights = weights.get(DEFAULT_MODULE_ID, weights)
        changed = state.get(CHANGED)
        if changed is not None and isinstance(self.backend, LoadsSome):
            self.backend.load_some({name: weights[name] for name in changed})
        else:
            self.backend.load_weights(weights)
        self._weights_seq_no = state.get(WEIGHTS_SEQ_NO, 0)

    def get_ctor_args_and_kwargs(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How to build this runner again."""
        return (), {"config": self.config}

    def stop(self) -> None:
        """Shuts the engine down."""
        self.backend.close()
        self.queue.close()
        self.env.close()
        if self._fixed is not None:
            self._fixed[1].close()
