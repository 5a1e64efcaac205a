"""Settings of a training run: frozen data, checked before any work starts, saved with the run."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from agents.backends import BACKENDS
from agents.ranges import RUN
from agents.tiny import CHECKPOINT
from benchmarks.evaluation.play import OPEN, PlaySettings, world_settings
from judges.abstention import AbstentionLimit
from judges.plugins import load_plugins
from vt_env.errors import ConfigError, VisionThinkError
from vt_env.ranges import Numbers, check_number, check_numbers, check_text

_TEXTS = ("model", "data", "judge", "rewards", "backend", "loss_type", "advantage_estimator",
          "scale_rewards", "shaper")  # fmt: skip
_OPTIONAL_TEXTS = ("eval_data", "prompt", "untagged_answer", "bounds")
_MAPPINGS = ("judge_params", "shaper_params")


@dataclass(frozen=True)
class TrainSettings:
    """Everything that determines a run, beside the machine.

    Attributes:
        seed: Seed of prompts, sampling and weights.
        iterations: GRPO iterations.
        model: Hugging Face checkpoint directory to start from.
        data: ``"world"``, or a dataset file to train on.
        eval_data: Dataset to evaluate on; None: the world's test split, or `data` itself.
        judge: Name of the judge.
        judge_params: Its settings, such as ``model`` and ``base_url`` of ``llm``.
        max_abstention_share: Training stops when the judge abstains on a larger share of answers.
        rewards: Reward preset.
        prompt: Prompt template, a name or a TOML file; None: the checkpoint's.
        untagged_answer: ``"malformed"`` or ``"judge"``; None: as the reward preset has it.
        backend: Generation engine.
        num_env_runners: Env runner processes; 0: engine and trainer share this process.
        num_prompts: Prompts an iteration.
        num_generations: Episodes a prompt.
        lr: Learning rate (AdamW).
        beta: Weight of the KL term; without it the turns that RL makes rare drift out of format.
        epsilon: Lower clip range.
        epsilon_high: Upper clip range.
        loss_type: ``grpo``, ``dapo`` or ``dr_grpo``.
        advantage_estimator: Name of the advantage estimator.
        scale_rewards: ``group``, ``batch`` or ``none``.
        num_iterations: Optimiser passes over each batch.
        micro_batch_size: Trajectories that go through the model at once; 0: all.
        temperature: Sampling temperature of the rollouts.
        max_new_tokens: Longest turn, in tokens; None: the checkpoint's.
        max_model_len: Longest conversation, in tokens; None: the checkpoint's.
        shaper: Group shaper.
        shaper_params: Its parameters.
        min_pixels: Smallest area shown; None: the checkpoint's.
        max_pixels: Area of the full-resolution view at most; None: the checkpoint's.
        bounds: What the two hold for, as in `vt_env.images.limits.ImageLimits`; None: the
            checkpoint's.
        canvas: Side of the embedded world's images, in pixels; None: its own.
        eval_samples: Held-out samples of the final evaluation.
        checkpoint_every: Iterations between checkpoints.
        threads: Threads of engine and trainer; 0: every core.
        plugins: Modules of one's own, names or paths, that every process of the run imports.
    """

    seed: int = 0
    iterations: int = 100
    model: str = str(CHECKPOINT)
    data: str = "world"
    eval_data: str | None = None
    judge: str = "rule"
    judge_params: dict[str, Any] = field(default_factory=dict)
    max_abstention_share: float = 0.2
    rewards: str = "priced"
    prompt: str | None = None
    untagged_answer: str | None = None
    backend: str = "vllm"
    num_env_runners: int = 0
    num_prompts: int = 24
    num_generations: int = 8
    lr: float = 5e-5
    beta: float = 0.02
    epsilon: float = 0.2
    epsilon_high: float = 0.28
    loss_type: str = "dapo"
    advantage_estimator: str = "grpo"
    scale_rewards: str = "group"
    num_iterations: int = 1
    micro_batch_size: int = 96
    temperature: float = 1.0
    max_new_tokens: int | None = None
    max_model_len: int | None = None
    shaper: str = "none"
    shaper_params: dict[str, float] = field(default_factory=dict)
    min_pixels: int | None = None
    max_pixels: int | None = None
    bounds: str | None = None
    canvas: int | None = None
    eval_samples: int = 600
    checkpoint_every: int = 20
    threads: int = 0
    plugins: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        load_plugins(self.plugins)
        for name in (*_TEXTS, *_OPTIONAL_TEXTS):
            check_text(name, getattr(self, name), optional=name in _OPTIONAL_TEXTS)
        for name in _MAPPINGS:
            value = getattr(self, name)
            if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
                raise ConfigError(f"{name} must be a mapping by name, got {repr(value)[:80]}.")
        check_numbers(self, RUN)
        AbstentionLimit(self.max_abstention_share)
        for name, value in self.shaper_params.items():
            if isinstance(value, bool):
                continue
            check_number(f"shaper_params.{name}", value, Numbers(-1e6, 1e6))
        if "api_key" in self.judge_params:
            raise ConfigError(
                "A run's settings are saved, so no key may be among them: put it into the "
                "environment, as OPENAI_API_KEY (AZURE_OPENAI_API_KEY for Azure)."
            )
        BACKENDS.find(self.backend)

    def env_settings(self, data: str, split: str) -> dict[str, Any]:
        """Settings of the environment on `data`; `split` is used by the world alone."""
        canvas = self.canvas if data == "world" else None
        return {
            "data": data,
            "judge": {"name": self.judge, **self.judge_params},
            "rewards": self.rewards,
            "untagged_answer": self.untagged_answer,
            **self.play.env(),
            **world_settings(data, split, canvas),
        }

    @property
    def play(self) -> PlaySettings:
        """How the model is played."""
        return PlaySettings(self.model, self.backend, *(getattr(self, name) for name in OPEN))

    def resolved(self) -> TrainSettings:
        """The same with what was left to the checkpoint filled in, as it is saved with the run.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        if self.canvas is not None and "world" not in (self.data, self.eval_data):
            raise ConfigError(f"canvas is a setting of the embedded world, not of {self.data!r}.")
        used = self.play.known()
        return replace(self, **{name: getattr(used, name) for name in OPEN})

    def train_env(self) -> dict[str, Any]:
        """Settings of the training environment."""
        return self.env_settings(self.data, "train")

    def eval_env(self) -> dict[str, Any]:
        """Settings of the evaluation environment."""
        return self.env_settings(self.eval_data or self.data, "test")

    def save(self, path: Path) -> None:
        """Writes the settings as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TrainSettings:
        """Reads what `save` wrote.

        Raises:
            ConfigError: If the file is not there, not JSON, or holds unknown settings or values
                that cannot work; names the file and the setting.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: cannot be read as settings ({error}).") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: settings are a JSON object, not {repr(data)[:80]}.")
        known = [item.name for item in fields(cls)]
        for name in data:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ConfigError(
                    f"{path}: unknown settings {sorted(set(data) - set(known))}.{hint}"
                )
        try:
            return cls(**data)
        except (VisionThinkError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from error
