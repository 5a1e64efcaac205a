"""`SFT`: a trainer, an engine and the environments, with the face that runs know GRPO by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.backends import make_backend
from agents.engine import EngineSettings
from agents.grpo.export import save_policy
from agents.manifest import check_manifest, write_manifest
from agents.rollouts.collect import JUDGED, most_images
from agents.rollouts.fixed import Pass, play_passes
from agents.rollouts.prompt_order import prompt_indices
from agents.rollouts.trajectory import Trajectory
from agents.sft.config import SFTOptions
from agents.sft.demonstrations import Demonstration, Retracer
from agents.sft.trainer import Trainer
from judges import AbstentionLimit
from vt_env import VisionThinkEnv, open_env


@dataclass(frozen=True)
class Policy:
    """What is saved with a policy, under the names that `save_policy` reads."""

    model_dir: str
    dtype: str
    env_config: dict[str, Any]
    max_new_tokens: int
    max_model_len: int


class SFT:
    """Trains on demonstrations, and plays held-out samples with the current weights.

    Which demonstrations a step learns hangs on seed and position alone, so that a resumed run
    takes the steps of an unbroken one.

    Args:
        options: How it learns.
        engine: The model and its engine, with nothing left open.
        env_id: Id of the environment.
        env: Settings of the training environment.
        seed: Seed of the order.
        iterations: Steps of the whole training.

    Raises:
        TrainingError: If `freeze` names no parameter, or leaves none to train.
        BackendError: If the engine cannot be started.
    """

    kept: tuple[tuple[Trajectory, ...], ...] = ()
    """It plays nothing in training."""

    def __init__(
        self,
        options: SFTOptions,
        engine: EngineSettings,
        env_id: str,
        env: dict[str, Any],
        *,
        seed: int,
        iterations: int,
    ) -> None:
        assert engine.max_new_tokens is not None and engine.max_model_len is not None
        self._options, self._env_id, self._seed = options, env_id, seed
        self._policy = Policy(
            engine.model_dir, options.dtype, env, engine.max_new_tokens, engine.max_model_len
        )
        self._trainer = Trainer(engine.model_dir, options, iterations)
        self._env = open_env(env_id, **env)
        room = {
            "images": most_images(self._env.factory.config),
            "max_model_len": engine.max_model_len,
        }
        self._backend = make_backend(
            engine.backend, engine.model_dir, **room, **engine.backend_config
        )
        self._limit = AbstentionLimit(options.max_abstention_share)
        self._fixed: tuple[dict[str, Any], VisionThinkEnv] = (env, self._env)
        self._demonstrations: list[Demonstration] = []
        self._retrace: Retracer | None = None
        self._done, self._stale = 0, False

    def teach(self, demonstrations: Sequence[Demonstration], path: Path) -> None:
        """Sets what is learned.

        Args:
            demonstrations: At least one, on samples of the training environment.
            path: The file that they are of, for errors.
        """
        self._demonstrations = list(demonstrations)
        self._retrace = Retracer(self._env.factory, self._trainer.encoder, path)

    def train(self) -> dict[str, float]:
        """Takes one step, on the next `batch_size` demonstrations.

        Returns:
            What `Trainer.step` says; and of the demonstrations how many there are
            (``demonstrations/number``), how often they have been gone through
            (``demonstrations/epochs``), and the share of the step's that ask.
        """
        assert self._retrace is not None, "teach first"
        begun, size, known = time.monotonic(), self._options.batch_size, self._demonstrations
        start = self._done * size
        chosen = [known[n] for n in prompt_indices(len(known), self._seed, start, size)]
        groups = self._retrace(chosen)
        packed = time.monotonic()
        metrics = self._trainer.step(groups)
        self._done, self._stale = self._done + 1, True
        ended = time.monotonic()
        return {
            **metrics,
            "demonstrations/number": float(len(known)),
            "demonstrations/epochs": (start + size) / len(known),
            "demonstrations/resize_call_ratio": sum(one.requested for one in chosen) / size,
            "timing/iteration": round(ended - begun, 4),
            "timing/learner": round(ended - packed, 4),
        }

    def play_fixed(
        self, env_settings: dict[str, Any], indices: Sequence[int], passes: Sequence[Pass]
    ) -> list[list[Trajectory]]:
        """Plays given samples with the current weights; see `agents.rollouts.play_passes`.

        Args:
            env_settings: Settings of the environment.
            indices: Which samples.
            passes: Ways of playing them.

        Raises:
            AbstentionLimitError: If the judge abstained on too many of the latest answers.
        """
        if self._stale:
            self._backend.load_weights(self._trainer.weights())
            self._stale = False
        env = self._opened(env_settings)
        played = play_passes(self._backend, env.factory, env.judge, indices, passes)
        self._limit.check(t.abstained for way in played for t in way if t.ending in JUDGED)
        return played

    def _opened(self, settings: dict[str, Any]) -> VisionThinkEnv:
        """The environment of these settings; the last one stays open, beside that of training."""
        if self._fixed[0] != settings:
            self._close_fixed()
            self._fixed = (dict(settings), open_env(self._env_id, **settings))
        return self._fixed[1]

    def _close_fixed(self) -> None:
        if self._fixed[1] is not self._env:
            self._fixed[1].close()

    def refresh_engines(self) -> None:
        """Has the engine take its weights anew before it plays again, and drop its caches."""
        self._stale = True

    def parameter_counts(self) -> tuple[int, int]:
        """Numbers that are trained, and all numbers of the model."""
        return self._trainer.parameter_counts()

    def save_model(self, directory: Path) -> None:
        """Writes the policy as a Hugging Face directory, as GRPO does."""
        save_policy(self._trainer.weights(), self._policy, directory)

    def save_to_path(self, path: str | Path) -> None:
        """Writes a checkpoint into a folder that is there, and the list of its files."""
        self._trainer.save(Path(path))
        write_manifest(Path(path), {"position": self._done * self._options.batch_size})

    def restore_from_path(self, path: str | Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            CheckpointError: If a file is missing, cut off or changed.
        """
        manifest = check_manifest(Path(path))
        self._trainer.load(Path(path))
        self._done = int(manifest.about["position"]) // self._options.batch_size
        self._stale = True

    def stop(self) -> None:
        """Shuts the engine down."""
        self._backend.close()
        self._close_fixed()
        self._env.close()
