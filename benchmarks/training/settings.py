"""Settings of a training run: one tree, checked before any work starts, saved with the run.

settings = TrainSettings(run=RunSettings(seed=1), grpo=GRPOSettings(lr=1e-4))
settings = build(TrainSettings, {"run.seed": 1, "grpo.lr": 1e-4})   # the same, by path
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agents import BACKENDS
from agents.grpo.config import SEED, GRPOSettings
from benchmarks.evaluation.play import JudgedSettings
from judges import load_plugins
from vt_env.data.settings import WORLD, check_sources
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.settings.tree import build_from_file, to_json


@dataclass(frozen=True)
class RunSettings:
    """The run as a whole."""

    seed: int = setting(0, "Seed of prompts, sampling and weights.", SEED)
    iterations: int = setting(100, "GRPO iterations.", Numbers(1))
    checkpoint_every: int = setting(20, "Iterations between checkpoints.", Numbers(1))
    num_env_runners: int = setting(
        0, "Env runner processes; 0: engine and trainer share one process.", Numbers(0)
    )
    num_learners: int = setting(
        0,
        "Learner processes, which share out the groups of each step; 0: it is in this process. The "
        "step is the same with any number.",
        Numbers(0),
    )
    threads: int = setting(0, "Threads of engine and trainer; 0: every core.", Numbers(0))

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class EvaluationSettings:
    """The evaluation before and after training."""

    samples: int = setting(600, "Held-out samples.", Numbers(0))
    data: str | None = setting(
        None, "Dataset to evaluate on, read as data has it. None: the one that is trained on."
    )
    split: str | None = setting(
        None, "Its split. None: of the world test, of other datasets that of training."
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class TrainSettings(JudgedSettings):
    """Everything that determines a run, beside the machine. docs/settings.md lists it."""

    run: RunSettings = field(default_factory=RunSettings)
    grpo: GRPOSettings = field(default_factory=GRPOSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        check_fields(self)
        load_plugins(self.plugins)
        BACKENDS.find(self.engine.backend)
        check_sources(self.data, self.world, self.data.name, self.evaluation.data)

    def train_env(self) -> dict[str, Any]:
        """Settings of the training environment."""
        split = self.data.split or ("train" if self.data.name == WORLD else None)
        return self.env_on(self.data, split)

    def eval_env(self) -> dict[str, Any]:
        """Settings of the evaluation environment."""
        data = replace(self.data, name=self.evaluation.data or self.data.name)
        own = "test" if data.name == WORLD else self.data.split if data == self.data else None
        return self.env_on(data, self.evaluation.split or own)

    def save(self, path: Path) -> None:
        """Writes the settings as JSON."""
        path.write_text(to_json(self) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TrainSettings:
        """Reads what `save` wrote, or the same tree in TOML.

        Raises:
            ConfigError: If the file is not there, cannot be read, or holds unknown settings or
                values that cannot work; names the file and the setting.
        """
        return build_from_file(cls, path)
