"""`PretrainConfig`: everything that a pretraining hangs on."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env import ConfigError
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.tasks import CANVAS

_COUNT, _MORE = Numbers(1), Numbers(0)
_SHARE, _WEIGHT = Numbers(0, 1), Numbers(0, 1e6)
_RATE = Numbers(0, 1, above=True, below=True)

STAGES = ("tower", "dialogues")


@dataclass(frozen=True)
class PretrainConfig:
    """Recipe of the pretraining."""

    seed: int = setting(0, "Seed of weights and data.", Numbers(0, 2**32 - 1))
    architecture: str = setting("qwen2_5_vl", "qwen2_5_vl or qwen3_vl.")
    canvas: int = setting(
        CANVAS, "Side of the scenes, in pixels; halved, it must be whole visual tokens.", _COUNT
    )
    tower_steps: int = setting(
        5200, "Steps of the first stage, a batch of views of pages and scenes each.", _MORE
    )
    dialogue_steps: int = setting(
        4400, "Steps of the second stage, a batch of dialogues each.", _MORE
    )
    tower_batch_size: int = setting(32, "Views a step.", _COUNT)
    batch_size: int = setting(32, "Dialogues a step.", _COUNT)
    tower_lr: float = setting(3e-3, "Peak learning rate of the first stage.", _RATE)
    lr: float = setting(2e-3, "Peak learning rate of the second.", _RATE)
    page_share: float = setting(
        0.5, "Share of pages among the views of the first stage; the others are scenes.", _SHARE
    )
    pages_beside: int = setting(
        8, "Pages that the tower goes on reading in a step of the second stage.", _MORE
    )
    tower_pace: float = setting(
        0.3, "The tower's learning rate in the second stage, as a share of the others'.", _WEIGHT
    )
    mark_weight: float = setting(
        2.0, "Weight of the marks beside the answers; see `agents.tiny.probes`.", _WEIGHT
    )
    aim_weight: float = setting(0.3, "Weight of the aims beside the answers.", _WEIGHT)
    warmup: int = setting(100, "Steps over which each stage's rate rises.", _MORE)
    request_share: float = setting(0.5, "Chance that a dialogue asks for high resolution.", _SHARE)
    low_share: float = setting(
        1 / 3, "Chance that a view of the first stage is at low resolution.", _SHARE
    )
    save_every: int = setting(100, "Steps between saves of the state.", _COUNT)
    shards: int = setting(
        2,
        "Processes that share each batch, one thread each. A part of the recipe: each shard draws "
        "scenes of its own.",
        _COUNT,
    )

    def __post_init__(self) -> None:
        check_fields(self)
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
