"""`GRPOConfig` and `GRPO`: group-relative policy optimisation as a native RLlib algorithm.

    config = (
        GRPOConfig()
        .environment("VisionThink-v0", env_config={"data": "world"})
        .training(model_dir="agents/tiny/checkpoint", num_generations=8)
    )
    algorithm = config.build_algo()
    algorithm.train()

Names of settings are TRL's where TRL has them, RLlib's elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)
from ray.tune.registry import register_env, register_trainable

import vt_env
from agents.backends import TRUNCATIONS, Sampling, check_backend
from agents.errors import TrainingError
from agents.grpo.advantages import advantage_estimator, finish_groups
from agents.grpo.config import OWN, OWNERS, RLLIB, attribute, check_training
from agents.grpo.env_runner import GRPOEnvRunner
from agents.grpo.export import save_policy
from agents.grpo.learner import GRPOTorchLearner
from agents.grpo.losses import LossConfig
from agents.grpo.packing.batching import as_groups
from agents.grpo.rl_module import VLMModule
from agents.grpo.runners import on_runners, own_errors
from agents.grpo.schedule import check_schedule, steps_of
from agents.manifest import check_manifest, write_manifest
from agents.models.checkpoints import DTYPES, playable
from agents.rollouts.collect import JUDGED, Decision
from agents.rollouts.metrics import judge_metrics, rollout_metrics
from agents.rollouts.trajectory import Trajectory
from judges import AbstentionLimit, load_plugins, plugin_names
from vt_env import PlayDefaults, UnknownNameError, group_shaper

ROLLOUTS = "rollouts"
"""Key of the rollout metrics in the results of `GRPO.train`."""


class GRPOConfig(AlgorithmConfig):
    """Settings of `GRPO`; see `training` for those of its own."""

    def __init__(self, algo_class: type | None = None) -> None:
        super().__init__(algo_class=algo_class or GRPO)
        self.env = vt_env.ENV_ID
        self.env_runner_cls = GRPOEnvRunner
        self.num_env_runners = 0  # one process: engine and trainer share one pool of threads
        self.create_local_env_runner = False
        self.sample_timeout_s = None  # RLlib's 60 s would drop rollouts
        self.add_default_connectors_to_learner_pipeline = False
        self._dont_auto_sync_env_runner_states = True
        self.max_requests_in_flight_per_env_runner = 2
        self.restart_failed_env_runners = False  # RLlib's True has the driver wait, not hear why
        for owner in OWNERS:
            for name, value in vars(owner()).items():
                kept = dict(value) if isinstance(value, Mapping) else value
                setattr(self, attribute(name), kept)
        self.plugins: tuple[str, ...] = ()

    def training(self, **settings: Any) -> Self:
        """Settings of GRPO beside RLlib's own (``gamma``, ``learner_class``, …).

        Args:
            **settings: Any of those below, or of RLlib's.

        GRPO's own are the fields of `agents.grpo.config.GRPOSettings` and
        `agents.engine.EngineSettings`; docs/settings.md lists them. Beside them ``plugins``:
        modules of one's own whose names are used in the settings, dotted names or paths. Every
        process of the training imports them; see `judges.load_plugins`.

        Raises:
            UnknownNameError: If a setting or a name does not exist; suggests the closest.
            PluginError: If a plugin cannot be imported.
            TrainingError: If a number is none, or out of range, or a setting would truncate the
                distribution that is drawn from.
            ConfigError: The same, of a setting of the loss.
        """
        rest = {k: v for k, v in settings.items() if k not in OWN or k in _RLLIB_TRAINING}
        own = {k: v for k, v in settings.items() if k not in rest}
        for name in TRUNCATIONS & rest.keys():
            raise TrainingError(
                f"{name} is no setting: rollouts are drawn from the whole distribution, which the "
                "trainer differentiates; temperature alone reshapes it."
            )
        for name in rest:
            if not hasattr(self, name) and name not in _RLLIB_TRAINING:
                raise UnknownNameError("training setting", name, _RLLIB_TRAINING.union(OWN))
        if own.get("plugins", NotProvided) is not NotProvided:
            own["plugins"] = plugin_names(own["plugins"])
            load_plugins(own["plugins"])
        check_training({k: v for k, v in settings.items() if v is not NotProvided})
        super().training(**rest)
        for name, value in own.items():
            if value is not NotProvided:
                setattr(self, attribute(name), value)
        return self

    def loss_config(self) -> LossConfig:
        """The settings of the objective, checked."""
        return LossConfig(**{item.name: getattr(self, item.name) for item in fields(LossConfig)})

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The module around the Hugging Face model."""
        config = {
            "model_dir": str(self.model_dir),
            "dtype": self.dtype,
            "reference": self.beta > 0,
            "freeze": self.frozen_parameters,
            "gradient_checkpointing": self.gradient_checkpointing,
            "plugins": self.plugins,
        }
        return RLModuleSpec(module_class=VLMModule, model_config=config)

    def get_default_learner_class(self) -> type[GRPOTorchLearner]:
        """The learner that computes the GRPO loss."""
        return GRPOTorchLearner

    def _check_numbers(self) -> None:
        check_training({name: getattr(self, attribute(name)) for name in (*OWN, *RLLIB)})

    def get_state(self) -> dict[str, Any]:
        """RLlib's; every algorithm is built from it, and it leaves out whatever is -1."""
        self._check_numbers()
        return dict(super().get_state())

    def validate(self) -> None:
        """Checks everything that can be checked before work starts.

        Raises:
            TrainingError: If a number is none, or out of range.
            ConfigError: The same, of a setting of the loss.
            UnknownNameError: If a name is unknown.
            PluginError: If a plugin cannot be imported.
            BackendError: If `model_dir` holds no checkpoint.
        """
        load_plugins(self.plugins)
        self._check_numbers()
        super().validate()
        self._open_settings(playable(self.model_dir).defaults)
        check_backend(self.backend, max_model_len=self.max_model_len, **self.backend_config)
        advantage_estimator(self.advantage_estimator)
        if self.num_env_runners and self.num_prompts % self.num_env_runners:
            raise TrainingError(
                f"num_prompts ({self.num_prompts}) must be a multiple of num_env_runners "
                f"({self.num_env_runners})."
            )
        group_shaper(self.shaper, **self.shaper_params)
        if self.dtype not in DTYPES:
            raise UnknownNameError("dtype", str(self.dtype), DTYPES)
        self.loss_config()
        check_schedule(self)

    def _open_settings(self, defaults: PlayDefaults) -> None:
        """Takes what was left open from the checkpoint."""
        for name in ("max_new_tokens", "max_model_len"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(defaults, name))

    def for_iterations(self, iterations: int) -> Self:
        """Sets `max_steps`, unless it was given, to the optimiser steps of so many iterations."""
        if getattr(self, "max_steps") is None:  # noqa: B009 - set by name, above
            setattr(self, "max_steps", steps_of(iterations, self))  # noqa: B010
        return self

    def play_env(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Settings of an environment whose prompt and pixel bounds are those of the policy."""
        return {"checkpoint": str(self.model_dir), **settings}


_RLLIB_TRAINING = {"lr", "grad_clip", "minibatch_size", "learner_class", "gamma"}


class GRPO(Algorithm):
    """Plays groups, updates on their advantages, hands the weights to the engines; repeat.

    The position in the prompt stream is saved with the algorithm, so that a resumed run plays the
    prompts that an unbroken one would have played.
    """

    _position = 0
    _engines_stale = True

    def setup(self, config: Any) -> None:
        """Builds runners and learners (RLlib), the shaper, and the watch over abstentions."""
        super().setup(config)
        self._shaper = group_shaper(self.config.shaper, **self.config.shaper_params)
        self._estimator = advantage_estimator(self.config.advantage_estimator)
        episodes = self.config.num_prompts * self.config.num_generations
        self._abstentions = AbstentionLimit(self.config.max_abstention_share, episodes)

    @classmethod
    def get_default_config(cls) -> GRPOConfig:
        """Settings that train the embedded model on a laptop."""
        return GRPOConfig()

    def training_step(self) -> None:
        """One iteration: `num_prompts` groups."""
        config = self.config
        if self._engines_stale:
            self._sync()
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            trajectories = self._play()
        self._position += config.num_prompts
        self.metrics.log_dict(rollout_metrics(trajectories), key=ROLLOUTS, window=1)
        self.metrics.log_value(
            (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME),
            len(trajectories),
            reduce="lifetime_sum",
        )
        minibatch = {"minibatch_size": config.minibatch_size} if config.minibatch_size else {}
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            results = self.learner_group.update(
                episodes=as_groups(trajectories, config.num_generations),
                num_epochs=config.num_iterations,
                timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: self._position},
                **minibatch,  # None with several learners raises inside RLlib
            )
            self.metrics.aggregate(results, key=LEARNER_RESULTS)
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            self._sync()

    def _play(self) -> list[Trajectory]:
        """The groups of an iteration, in the order of the prompt stream, with advantages.

        Shaping and advantages need the whole batch (``scale_rewards="batch"``), so they are
        computed here, whichever runner played which group.
        """
        share = self.config.num_prompts // max(1, self.config.num_env_runners)
        start = self._position

        def play(runner: GRPOEnvRunner, place: int) -> tuple[list[Trajectory], dict[str, float]]:
            return runner.play_groups(start + place * share, share), runner.queue.metrics()

        parts = on_runners(self.env_runner_group, self.config.num_env_runners, play)
        played = [trajectory for part, _ in parts for trajectory in part]
        judged = judge_metrics([metrics for _, metrics in parts])
        self.metrics.log_dict(judged, key=ROLLOUTS, window=1)
        self._abstentions.check(t.abstained for t in played if t.ending in JUDGED)
        config = self.config
        return finish_groups(
            played,
            config.num_generations,
            self._shaper,
            config.scale_rewards,
            self._estimator,
            reward_weights=config.reward_weights,
            drop=config.drop_responses,
        )

    def play_fixed(
        self,
        env_settings: dict[str, Any],
        indices: Sequence[int],
        sampling: Sampling,
        decision: Decision | None = None,
    ) -> list[Trajectory]:
        """Plays given samples with the current weights, for evaluation; see the env runner.

        The samples are shared out among the env runners; order is kept.

        Raises:
            AbstentionLimitError: If the judge abstained on too many of the answers.
        """
        if self._engines_stale:
            self._sync()
        shares = np.array_split(np.asarray(indices), max(1, self.config.num_env_runners))

        def play(runner: GRPOEnvRunner, place: int) -> list[Trajectory]:
            mine = [int(index) for index in shares[place]]
            return runner.play_fixed(env_settings, mine, sampling, decision)

        parts = on_runners(self.env_runner_group, self.config.num_env_runners, play)
        played = [trajectory for part in parts for trajectory in part]
        limit = AbstentionLimit(self.config.max_abstention_share)
        limit.check(t.abstained for t in played if t.ending in JUDGED)
        return played

    def refresh_engines(self) -> None:
        """Has the engines take their weights anew before they play again, and drop their caches.

        What was played before leaves no trace then, such as a prefix that is cached.
        """
        self._engines_stale = True

    def _sync(self) -> None:
        """Hands the learner's weights to every engine."""
        group = self.env_runner_group
        with own_errors():
            group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)
            # RLlib looks whether a runner took the weights when it sends the next ones, if ever.
            group.fetch_ready_async_reqs(tags="set_state", timeout_seconds=None)
        self._engines_stale = False

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's state, and the position in the prompt stream."""
        return {**super().get_state(*args, **kwargs), "position": self._position}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores the state; engines get the weights before they play again."""
        self._position = state.pop("position", self._position)
        self._engines_stale = True
        super().set_state(state)

    def save_to_path(self, path: Any = None, **options: Any) -> str:
        """Saves as RLlib does, then writes the list of all files; see `agents.manifest`.

        Args:
            path: The folder; None: a temporary one.
            **options: RLlib's own.
        """
        saved: str = super().save_to_path(path, **options)
        if _is_local(saved, options):
            write_manifest(Path(saved), {"position": self._position})
        return saved

    @classmethod
    def from_checkpoint(cls, path: Any, filesystem: Any = None, **options: Any) -> Any:
        """Builds as RLlib does, from a checkpoint that is known to be whole."""
        if _is_local(path, {"filesystem": filesystem}):
            check_manifest(Path(path))
        return super().from_checkpoint(path, filesystem, **options)

    def restore_from_path(self, path: Any, **options: Any) -> None:
        """Restores as RLlib does, from a checkpoint that is known to be whole.

        Args:
            path: The folder.
            **options: RLlib's own.

        Raises:
            CheckpointError: If a file is missing, cut off or changed; RLlib would pass over it.
        """
        if options.get("component") is None and _is_local(path, options):
            check_manifest(Path(path))
        super().restore_from_path(path, **options)

    def save_model(self, directory: Path) -> None:
        """Writes the policy as a Hugging Face directory, next to its tokenizer and processor.

        What it was trained with (prompt, limits, pixel bounds) goes with it, as its defaults.

        Args:
            directory: Created if need be.
        """
        weights = self.learner_group.get_weights()[DEFAULT_MODULE_ID]
        save_policy(weights, self.config, directory)


def _is_local(path: Any, options: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is a folder of this machine, whose files can be listed."""
    local = isinstance(path, str | Path) and "://" not in str(path)
    return local and options.get("filesystem") is None


register_trainable("GRPO", GRPO)
register_env(vt_env.ENV_ID, lambda settings: vt_env.make(vt_env.ENV_ID, **settings))
