"""How a model is played by `train`, `eval`, `quality` and `label`: settings, and the player."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

from agents import (
    GenerationBackend,
    Pass,
    Sampling,
    Trajectory,
    Way,
    make_backend,
    most_images,
    playable,
)
from agents.engine import EngineSettings
from agents.rollouts import Stopwatch, play_passes
from benchmarks.report.terminal import progress_bar
from vt_env import ConfigError, PlayDefaults, VisionThinkEnv
from vt_env.config import EnvSettings, JudgeSettings
from vt_env.data import OpenedDataset
from vt_env.data.settings import WORLD, DataSettings, dataset_settings
from vt_env.rewards import RewardSettings
from vt_env.settings.fields import PLUGINS
from vt_env.tasks.world import WorldSettings

NOBODY = "none"
"""The model that stands for no model at all."""
SHOWN = ("prompt", "min_pixels", "max_pixels", "bounds")
GENERATED = ("max_new_tokens", "max_model_len")
"""Settings of the environment and of the engine that a checkpoint answers where they are None."""


@dataclass(frozen=True)
class PlaySettings:
    """A model and how it is played; what is None is as its checkpoint has it."""

    plugins: tuple[str, ...] = PLUGINS
    engine: EngineSettings = field(default_factory=EngineSettings)
    env: EnvSettings = field(default_factory=EnvSettings)

    def known(self) -> PlayDefaults:
        """The settings with the checkpoint's own where there were none.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        asked = {name: getattr(self.env, name) for name in SHOWN}
        asked |= {name: getattr(self.engine, name) for name in GENERATED}
        given = {name: value for name, value in asked.items() if value is not None}
        found = replace(playable(self.engine.model_dir).defaults, **given)
        if not 1 <= found.max_new_tokens < found.max_model_len:
            raise ConfigError(
                f"max_new_tokens must be at least 1 and less than max_model_len "
                f"({found.max_model_len}), which holds the prompt too; got {found.max_new_tokens}."
            )
        return found

    def resolved(self) -> Self:
        """The same with nothing left to the checkpoint, as it is saved.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        used = self.known()
        return replace(
            self,
            engine=replace(self.engine, **{name: getattr(used, name) for name in GENERATED}),
            env=replace(self.env, **{name: getattr(used, name) for name in SHOWN}),
        )

    def model_env(self) -> dict[str, Any]:
        """Settings of an environment that shows images to this model."""
        return {"checkpoint": self.engine.model_dir, **self.env.given()}

    @contextmanager
    def player(self, used: PlayDefaults, env: VisionThinkEnv, seed: int) -> Iterator[Player]:
        """Starts the engine, and stops it afterwards.

        Args:
            used: From `known`.
            env: What is played.
            seed: Seed of the sampling.
        """
        engine = self.engine
        room = {"images": most_images(env.factory.config), "max_model_len": used.max_model_len}
        backend = make_backend(engine.backend, engine.model_dir, **room, **engine.backend_config)
        try:
            yield Player(backend, env, used.max_new_tokens, seed)
        finally:
            backend.close()


@dataclass(frozen=True)
class JudgedSettings(PlaySettings):
    """A model that is played on a dataset, and judged and paid for it."""

    data: DataSettings = field(default_factory=DataSettings)
    world: WorldSettings = field(default_factory=WorldSettings)
    rewards: RewardSettings = field(default_factory=RewardSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def env_on(self, data: DataSettings, split: str | None) -> dict[str, Any]:
        """Settings of the environment on a dataset, which is opened when it is first looked at."""
        return {
            "data": OpenedDataset(data.name, **dataset_settings(data, self.world, split)),
            "judge": self.judge.given(),
            "rewards": self.rewards.given(),
            **self.model_env(),
        }

    @property
    def tested_split(self) -> str | None:
        """The split that is played unless another is told: of the world test, of a file its own."""
        return self.data.split or ("test" if self.data.name == WORLD else None)


@dataclass(frozen=True)
class OpenSettings(JudgedSettings):
    """A dataset that a model may be played on, or others alone (``--model none``)."""

    @property
    def has_policy(self) -> bool:
        """Whether there is a model."""
        return self.engine.model_dir != NOBODY

    def resolved(self) -> Self:
        """The same with nothing left to the checkpoint, if there is one.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        return super().resolved() if self.has_policy else self

    def env_settings(self) -> dict[str, Any]:
        """Settings of the environment: of the world the test split, unless told otherwise.

        Without a model, images are as the environment shows them by itself.
        """
        return self.env_of(self.tested_split)

    def env_of(self, split: str | None) -> dict[str, Any]:
        """The same of another split of the data."""
        settings = self.env_on(self.data, split)
        if not self.has_policy:
            del settings["checkpoint"]
        return settings


def first_indices(size: int, wanted: int) -> list[int]:
    """The first `wanted` samples, or all there are."""
    return list(range(min(size, wanted)))


def batch_seed(seed: int, start: int) -> int:
    """The seed that a batch is drawn from, by the place of its first sample."""
    return seed * 65537 + start


@dataclass(frozen=True)
class Batch:
    """Samples that are played together.

    Attributes:
        start: Place of the first sample among all that are asked for; seeds hang on it, so that
            a batch is drawn alike whatever is done before it.
        indices: Which samples.
    """

    start: int
    indices: list[int]


@dataclass(frozen=True)
class Player:
    """An engine, an environment and a seed; from `PlaySettings.player`."""

    backend: GenerationBackend
    env: VisionThinkEnv
    max_new_tokens: int
    seed: int

    def sampling(self, batch: Batch, temperature: float) -> Sampling:
        """How a batch is drawn."""
        seed = batch_seed(self.seed, batch.start)
        return Sampling(temperature, seed, max_new_tokens=self.max_new_tokens)

    def ways(
        self,
        batch: Batch,
        ways: Sequence[tuple[float, Way | None]],
        stopwatch: Stopwatch | None = None,
    ) -> list[list[Trajectory]]:
        """Plays each sample once in every way; images are not kept.

        Args:
            batch: The samples.
            ways: Temperature of each, and what is forced; None: the decision is the policy's.
            stopwatch: As `collect` has it.
        """
        passes = [Pass(self.sampling(batch, temperature), forced) for temperature, forced in ways]
        factory, judge = self.env.factory, self.env.judge
        return play_passes(self.backend, factory, judge, batch.indices, passes, stopwatch)

    def once(
        self,
        batch: Batch,
        temperature: float,
        decision: Way | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> list[Trajectory]:
        """Plays each sample once, the decision its own or forced; images are not kept."""
        return self.ways(batch, [(temperature, decision)], stopwatch)[0]


def batches(
    indices: Sequence[int], size: int, done: Container[int] = (), what: str = "samples"
) -> Iterator[Batch]:
    """Shares samples out into batches, with a progress bar over them.

    Args:
        indices: All samples.
        size: Samples a batch.
        done: Samples that are left out; where batches begin does not depend on them.
        what: What is counted, for the bar.

    Yields:
        Batches of at least one sample; each counts as done when the next one is asked for.
    """
    with progress_bar() as bar:
        before = sum(index in done for index in indices)
        task = bar.add_task(what, total=len(indices), completed=before)
        for start in range(0, len(indices), size):
            left = [index for index in indices[start : start + size] if index not in done]
            if left:
                yield Batch(start, left)
                bar.advance(task, len(left))
