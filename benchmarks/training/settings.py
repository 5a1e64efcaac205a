"""Settings of a training run: one tree, checked before any work starts, saved with the run.

settings = TrainSettings(run=RunSettings(seed=1), grpo=GRPOSettings(lr=1e-4))
settings = build(TrainSettings, {"run.seed": 1, "grpo.lr": 1e-4})   # the same, by path
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from agents import BACKENDS
from agents.grpo.config import SEED, GRPOSettings
from agents.sft.config import SFTOptions
from benchmarks.evaluation.play import JudgedSettings
from benchmarks.exporters.base import EXPORTERS
from benchmarks.safety.disk import write_whole
from benchmarks.training.until import parse_goals
from judges import load_plugins
from vt_env import ConfigError
from vt_env.config import JudgeSettings
from vt_env.data.settings import WORLD, check_sources
from vt_env.data.splits import SPLIT_WORDS
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.settings.tree import build_from_file, to_json

WORLD_SPLITS = ("validation", "test", "train")
"""Splits of the world that may be held out during training, the first that is free."""


@dataclass(frozen=True)
class RunSettings:
    """The run as a whole."""

    seed: int = setting(0, "Seed of prompts, sampling and weights.", SEED)
    iterations: int = setting(50, "Iterations.", Numbers(1))
    checkpoint_every: int = setting(10, "Iterations between checkpoints.", Numbers(1))
    keep_checkpoints: int = setting(
        2,
        "Checkpoints that are kept, the newest: if one is damaged, that before it serves.",
        Numbers(1),
    )
    keep_rollouts: int = setting(
        1,
        "Groups of each iteration that are written to rollouts.jsonl, the first that are learned "
        "from; 0: none.",
        Numbers(0, 64),
    )
    until: str | None = setting(
        None,
        "Stop when evaluations during training reach this: regret (to the oracle of the model "
        "before RL, at most), accuracy, reward (at least), tokens (share of a full-resolution "
        "pass, at most); regret=0.01,accuracy=0.9 are both to hold. Needs evaluation.every. None: "
        "play all iterations.",
    )
    stop_on_collapse: bool = setting(
        False,
        "End the run, as a complete one, when metrics have shown a collapse for ten iterations.",
    )
    export: tuple[str, ...] = setting(
        (),
        "Where metrics, final figures and a few images are shown too: wandb, trackio, or exporters "
        "of one's own.",
    )
    export_project: str = setting("visionthink", "Project that exporters show the run under.")
    num_env_runners: int = setting(
        0, "Env runner processes; 0: engine and trainer share one process.", Numbers(0)
    )
    num_learners: int = setting(
        0,
        "Learner processes, which share out the groups of each step; 0: it is in this process. The "
        "step is the same with any number.",
        Numbers(0),
    )
    max_restarts: int = setting(
        3,
        "How often an env runner whose process ended is started again, and its groups are played "
        "again; 0: the run ends.",
        Numbers(0, 1000),
    )
    grace_seconds: float = setting(
        10.0,
        "Seconds that the iteration and its checkpoint have after Ctrl-C, SIGTERM or SIGHUP.",
        Numbers(0, 86400, above=True),
    )
    threads: int = setting(
        0,
        "Threads of engine and trainer, of each process; 0: every core, shared out among runners, "
        "and among learners.",
        Numbers(0),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        parse_goals(self.until)


@dataclass(frozen=True)
class EvaluationSettings:
    """The evaluation before and after training, and the smaller one during it."""

    samples: int = setting(600, "Held-out samples.", Numbers(1))
    data: str | None = setting(
        None, "Dataset to evaluate on, read as data has it. None: the one that is trained on."
    )
    split: str | None = setting(
        None, "Its split. None: of the world test, of other datasets that of training."
    )
    every: int = setting(
        0,
        "Iterations between evaluations on a held-out slice during training; 0: none.",
        Numbers(0),
    )
    slice: int = setting(
        200,
        "Samples of that slice, of the validation split; of the evaluation's own data where there "
        "is no such split.",
        Numbers(1),
    )
    judge: str | None = setting(
        None,
        "Judge of all evaluations, where another one judges the answers in training. None: that of "
        "training.",
    )
    judge_params: Mapping[str, Any] = setting(
        {}, "Settings of evaluation.judge, by name.", words="text"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.judge is not None:
            JudgeSettings(self.judge, self.judge_params)
        elif self.judge_params:
            raise ConfigError(
                "evaluation.judge_params are of evaluation.judge, which is None: name a judge, or "
                "set judge.params."
            )


@dataclass(frozen=True)
class CourseSettings(JudgedSettings):
    """What every training has, however the model learns."""

    run: RunSettings = field(default_factory=RunSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        check_fields(self)
        load_plugins(self.plugins)
        BACKENDS.find(self.engine.backend)
        for name in self.run.export:
            EXPORTERS.find(name)
        if self.run.until is not None and not self.evaluation.every:
            raise ConfigError(
                "run.until looks at evaluations during training, and there are none: set "
                "evaluation.every to the iterations between them, such as 10."
            )
        check_sources(self.data, self.world, self.data.name, self.evaluation.data)

    def train_env(self) -> dict[str, Any]:
        """Settings of the training environment."""
        split = self.data.split or ("train" if self.data.name == WORLD else None)
        return self.env_on(self.data, split)

    def eval_env(self) -> dict[str, Any]:
        """Settings of the evaluation environment."""
        data = replace(self.data, name=self.evaluation.data or self.data.name)
        own = "test" if data.name == WORLD else self.data.split if data == self.data else None
        return self._evaluated(self.env_on(data, self.evaluation.split or own))

    def validation_env(self) -> dict[str, Any] | None:
        """Settings of an environment on the evaluation's validation split, which may not be there.

        None where that split is what is trained on or reported; of the world, where the splits are
        known, another one takes its place.
        """
        data = replace(self.data, name=self.evaluation.data or self.data.name)
        played = [env["data"] for env in (self.train_env(), self.eval_env())]
        used = {opened.settings.get("split") for opened in played if opened.data == data.name}
        if data.name == WORLD:
            free = [split for split in WORLD_SPLITS if split not in used]
        else:
            free = [] if used & set(SPLIT_WORDS["validation"]) else ["validation"]
        return self._evaluated(self.env_on(data, free[0])) if free else None

    def _evaluated(self, env: dict[str, Any]) -> dict[str, Any]:
        """An environment with the judge of evaluations."""
        return {**env, "judge": self.judge_of_evaluation().given()}

    def judge_of_evaluation(self) -> JudgeSettings:
        """Who judges the answers that are reported."""
        own = self.evaluation
        return self.judge if own.judge is None else JudgeSettings(own.judge, own.judge_params)

    def save(self, path: Path) -> None:
        """Writes the settings as JSON."""
        write_whole(path, to_json(self) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote, or the same tree in TOML.

        Raises:
            ConfigError: If the file is not there, cannot be read, or holds unknown settings or
                values that cannot work; names the file and the setting.
        """
        return build_from_file(cls, path)


@dataclass(frozen=True)
class TrainSettings(CourseSettings):
    """Everything that determines a run, beside the machine. docs/settings.md lists it."""

    grpo: GRPOSettings = field(default_factory=GRPOSettings)


@dataclass(frozen=True)
class SFTSettings(CourseSettings):
    """Everything that determines a supervised fine-tuning; `TrainSettings` but for ``grpo``."""

    sft: SFTOptions = field(default_factory=SFTOptions)
