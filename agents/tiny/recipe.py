"""`PretrainConfig`: everything that a pretraining hangs on."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env import ConfigError
from vt_env.ranges import Numbers, check_numbers
from vt_env.tasks import CANVAS

_COUNT, _MORE = Numbers(1, whole=True), Numbers(0, whole=True)
_SHARE, _WEIGHT = Numbers(0, 1), Numbers(0, 1e6)
_RATE = Numbers(0, 1, above=True, below=True)
_RANGES = {
    "seed": Numbers(0, 2**32 - 1, whole=True),
    "canvas": _COUNT,
    **dict.fromkeys(("tower_steps", "dialogue_steps", "warmup", "pages_beside"), _MORE),
    **dict.fromkeys(("tower_pace", "mark_weight", "aim_weight"), _WEIGHT),
    **dict.fromkeys(("tower_batch_size", "batch_size", "save_every", "shards"), _COUNT),
    **dict.fromkeys(("request_share", "low_share", "page_share"), _SHARE),
    **dict.fromkeys(("tower_lr", "lr"), _RATE),
}

STAGES = ("tower", "dialogues")


@dataclass(frozen=True)
class PretrainConfig:
    """Recipe of the pretraining.

    Attributes:
        seed: Seed of weights and data.
        architecture: ``"qwen2_5_vl"`` or ``"qwen3_vl"``.
        canvas: Side of the scenes, in pixels; halved, it must be whole visual tokens.
        tower_steps: Steps of the first stage, a batch of views of pages and scenes each.
        dialogue_steps: Steps of the second stage, a batch of dialogues each.
        tower_batch_size: Views a step.
        batch_size: Dialogues a step.
        tower_lr: Peak learning rate of the first stage.
        lr: Peak learning rate of the second.
        page_share: Share of pages among the views of the first stage; the others are scenes.
        pages_beside: Pages that the tower goes on reading in a step of the second stage.
        tower_pace: The tower's learning rate in the second stage, as a share of the others'.
        mark_weight: Weight of the marks beside the answers; see `agents.tiny.probes`.
        aim_weight: Weight of the aims beside the answers.
        warmup: Steps over which each stage's rate rises.
        request_share: Chance that a dialogue asks for high resolution.
        low_share: Chance that a view of the first stage is at low resolution.
        save_every: Steps between saves of the state.
        shards: Processes that share each batch, one thread each. A part of the recipe: each shard
            draws scenes of its own.
    """

    seed: int = 0
    architecture: str = "qwen2_5_vl"
    canvas: int = CANVAS
    tower_steps: int = 5200
    dialogue_steps: int = 4400
    tower_batch_size: int = 32
    batch_size: int = 32
    tower_lr: float = 3e-3
    lr: float = 2e-3
    page_share: float = 0.5
    pages_beside: int = 8
    tower_pace: float = 0.3
    mark_weight: float = 2.0
    aim_weight: float = 0.3
    warmup: int = 100
    request_share: float = 0.5
    low_share: float = 1 / 3
    save_every: int = 100
    shards: int = 2

    def __post_init__(self) -> None:
        check_numbers(self, _RANGES)
        for name in ("tower_batch_size", "batch_size", "pages_beside"):
            if getattr(self, name) % self.shards:
                raise ConfigError(
                    f"{name} must be a multiple of shards ({self.shards}), "
                    f"got {getattr(self, name)}."
                )

    def steps(self, stage: int) -> int:
        """Steps of a stage, by its number."""
        return (self.tower_steps, self.dialogue_steps)[stage]

    def peak_rate(self, stage: int) -> float:
        """Peak learning rate of a stage, by its number."""
        return (self.tower_lr, self.lr)[stage]
