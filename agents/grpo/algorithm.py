"""`GRPOConfig` and `GRPO`: group-relative policy optimisation as a native RLlib algorithm.

    config = GRPOConfig().environment("VisionThink-v0", env_config={"data": "world"})
    config.training(model_dir="agents/tiny/checkpoint", num_generations=8)
    algorithm = config.build_algo()
    algorithm.train()

Names of settings are TRL's where TRL has them, RLlib's elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    LEARNER_RESULTS,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
)
from ray.tune.registry import register_env, register_trainable

import vt_env
from agents.backends import TRUNCATIONS, check_backend
from agents.errors import TrainingError
from agents.grpo.advantages import advantage_estimator
from agents.grpo.config import OWN, OWNERS, RLLIB, attribute, check_training
from agents.grpo.credit import check_credit
from agents.grpo.env_runner import GRPOEnvRunner
from agents.grpo.exploration import check_budget
from agents.grpo.export import save_policy
from agents.grpo.learner import TIMING, GRPOTorchLearner
from agents.grpo.losses import LossConfig
from agents.grpo.packing.batching import as_groups
from agents.grpo.rl_module import VLMModule
from agents.grpo.runners import GroupPlayer, changing_weights, hand_over, play_fixed, stop_runners
from agents.grpo.schedule import check_schedule, steps_of
from agents.manifest import check_trusted, is_local, write_manifest
from agents.models.checkpoints import DTYPES, playable
from agents.restarts import Restarts, learner_errors
from agents.rollouts.budget import next_multiplier, visual_share
from agents.rollouts.collect import JUDGED
from agents.rollouts.fixed import Pass
from agents.rollouts.metrics import judge_metrics, rollout_metrics
from agents.rollouts.refill import Gathered
from agents.rollouts.stopwatch import Stopwatch
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
        self.restart_failed_env_runners = False  # RLlib's own hide why; see `restarts`
        self.max_num_env_runner_restarts = 3  # RLlib's 1000 are no bound
        for owner in OWNERS:
            for name, value in vars(owner()).items():
                kept = dict(value) if isinstance(value, Mapping) else value
                setattr(self, attribute(name), kept)
        self.lr_scheduler_type = "constant"  # the end is not known; see `for_iterations`
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
        check_credit(self)
        check_budget(self)
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

    keep_groups = 0  # of those learned from in an iteration, how many groups `kept` holds
    kept: tuple[tuple[Trajectory, ...], ...] = ()  # of the last iteration, without images
    _position = 0
    _rounds = 0  # iterations done
    _multiplier = 0.0  # price of visual tokens that keeps the budget
    _engines_stale = True

    def setup(self, config: Any) -> None:
        """Builds runners and learners (RLlib), and what plays groups with them."""
        super().setup(config)
        self._changing = changing_weights(self.learner_group)
        self.restarts = Restarts(self.config.max_num_env_runner_restarts, self._weights)
        self.env_runner_group.restarts = self.restarts
        self._player = GroupPlayer(self.config)
        self._held_out_abstentions = AbstentionLimit(self.config.max_abstention_share)
        self._timed = Stopwatch()

    @classmethod
    def get_default_config(cls) -> GRPOConfig:
        """Settings that train the embedded model on a laptop."""
        return GRPOConfig()

    def training_step(self) -> None:
        """One iteration: `num_prompts` groups."""
        self._timed.take()  # a hand-over for an evaluation, or an iteration that failed
        with self._timed("iteration"):
            self._iterate()
        self.metrics.log_dict(self._timed.take(), key=TIMING, window=1)

    def _iterate(self) -> None:
        """Plays, learns and hands over; what takes long is timed, for this iteration alone."""
        config = self.config
        if self._engines_stale:
            self._sync()
        with self._timed("rollout"):
            gathered = self._play()
        self._position = gathered.position
        self.kept = tuple(
            tuple(replace(t, images=()) for t in group.members)
            for group in as_groups(gathered.kept, config.num_generations)[: self.keep_groups]
        )
        self._rounds += 1
        rollouts = rollout_metrics(gathered.played)
        if config.dynamic_sampling:
            rollouts |= gathered.metrics
        rollouts |= self._keep_budget(gathered.played)
        self.metrics.log_dict(rollouts, key=ROLLOUTS, window=1)
        self.metrics.log_value(
            (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME),
            len(gathered.played),
            reduce="lifetime_sum",
        )
        minibatch = {"minibatch_size": config.minibatch_size} if config.minibatch_size else {}
        with self._timed("learner"), learner_errors(self.learner_group):
            results = self.learner_group.update(
                episodes=as_groups(gathered.kept, config.num_generations),
                num_epochs=config.num_iterations,
                timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: self._position},
                **minibatch,  # None with several learners raises inside RLlib
            )
            self.metrics.aggregate(results, key=LEARNER_RESULTS)
        self._sync()

    def _play(self) -> Gathered:
        """The groups of an iteration, in the order of the prompt stream; see `GroupPlayer`."""
        price = 0.0 if self.config.token_budget is None else self._multiplier
        found, judged = self._player.play(
            self.env_runner_group, self._position, self._rounds, price, self._timed
        )
        self.metrics.log_dict(judge_metrics(judged), key=ROLLOUTS, window=1)
        return found

    def _keep_budget(self, episodes: Sequence[Trajectory]) -> dict[str, float]:
        """Moves the price of visual tokens; returns what it was, and how far they are off."""
        target, used = self.config.token_budget, self._multiplier
        if target is None:
            return {}
        share = visual_share(episodes)
        self._multiplier = next_multiplier(used, share, target, self.config.budget_lr)
        gap = {} if share is None else {"budget/gap": share - target}
        return {"budget/multiplier": used, **gap}

    def play_fixed(
        self, env_settings: dict[str, Any], indices: Sequence[int], passes: Sequence[Pass]
    ) -> list[list[Trajectory]]:
        """Plays given samples with the current weights, for evaluation; see the env runner.

        The samples are shared out among the env runners; order is kept.

        Args:
            env_settings: Settings of the evaluation environment.
            indices: Which samples.
            passes: Ways of playing them.

        Returns:
            For each way one trajectory a sample, in order, without its images.

        Raises:
            AbstentionLimitError: If the judge abstained on too many of the latest answers.
        """
        if self._engines_stale:
            self._sync()
        group, processes = self.env_runner_group, self.config.num_env_runners
        played = play_fixed(group, processes, env_settings, indices, passes)
        answers = [t for way in played for t in way if t.ending in JUDGED]
        self._held_out_abstentions.check(t.abstained for t in answers)
        return played

    def refresh_engines(self) -> None:
        """Has the engines take their weights anew before they play again, and drop their caches.

        What was played before leaves no trace then, such as a prefix that is cached.
        """
        self._engines_stale = True

    def _sync(self) -> None:
        """Hands the weights to every engine: all of them, and later those alone that change."""
        with self._timed("sync"):
            changed = None if self._engines_stale else self._changing
            runners = self.env_runner_group, self.config.num_env_runners
            hand_over(*runners, self._weights(), changed)
        self._engines_stale = False

    def _weights(self) -> Any:
        return self.learner_group.get_weights()[DEFAULT_MODULE_ID]

    def cleanup(self) -> None:
        """Ends learners and runners; runners in the midst of play are not waited for."""
        group = getattr(self, "env_runner_group", None)
        if group is not None:
            stop_runners(group)
        super().cleanup()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's state, the position in the prompt stream, iterations done, and the price."""
        own = {
            "position": self._position,
            "rounds": self._rounds,
            "multiplier": self._multiplier,
        }
        return {**super().get_state(*args, **kwargs), **own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores the state; engines get the weights before they play again."""
        self._position = state.pop("position", self._position)
        self._rounds = state.pop("rounds", self._rounds)
        self._multiplier = state.pop("multiplier", self._multiplier)
        self._engines_stale = True
        super().set_state(state)

    def save_to_path(self, path: Any = None, **options: Any) -> str:
        """Saves as RLlib does, then writes the list of all files; see `agents.manifest`.

        Args:
            path: The folder; None: a temporary one.
            **options: RLlib's own.
        """
        saved: str = super().save_to_path(path, **options)
        if is_local(saved, options):
            write_manifest(Path(saved), {"position": self._position})
        return saved

    @classmethod
    def from_checkpoint(cls, path: Any, filesystem: Any = None, **options: Any) -> Any:
        """Builds as RLlib does, from a checkpoint that is known to be whole."""
        if is_local(path, {"filesystem": filesystem}):
            check_trusted(Path(path))
        return super().from_checkpoint(path, filesystem, **options)

    def restore_from_path(self, path: Any, **options: Any) -> None:
        """Restores as RLlib does, from a checkpoint that is known to be whole.

        Args:
            path: The folder.
            **options: RLlib's own.

        Raises:
            CheckpointError: If a file is missing, cut off or changed; RLlib would pass over it.
        """
        if options.get("component") is None and is_local(path, options):
            check_trusted(Path(path))
        super().restore_from_path(path, **options)

    def save_model(self, directory: Path) -> None:
        """Writes the policy as a Hugging Face directory, next to its tokenizer and processor.

        What it was trained with (prompt, limits, pixel bounds) goes with it, as its defaults.

        Args:
            directory: Created if need be.
        """
        save_policy(self._weights(), self.config, directory)


register_trainable("GRPO", GRPO)
register_env(vt_env.ENV_ID, lambda settings: vt_env.make(vt_env.ENV_ID, **settings))
