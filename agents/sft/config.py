"""`SFTOptions`: every setting of supervised fine-tuning; names are GRPO's where it has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.errors import TrainingError
from agents.grpo.config import FREEZE, GRPOSettings
from agents.grpo.schedule import OptimizerSettings, check_schedule
from agents.models.checkpoints import DTYPES
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers


@dataclass(frozen=True)
class SFTOptions(OptimizerSettings):
    """What is learned from, and how."""

    records: Path | None = setting(
        None,
        "File of episodes to learn from, such as an episodes.jsonl: those that came to a right "
        "answer in the format. Their samples are looked up in data. None: the model plays prompts "
        "of the training split itself, with the decision forced both ways.",
    )
    targets: Literal["oracle", "best"] = setting(
        "oracle",
        "Which of the two that it played is learned, where it is right. oracle: that of the known "
        "need (in the margin whichever pays more on average); best: that which pays more, which "
        "needs no labels.",
    )
    temperature: float = setting(
        0.0, "Sampling temperature of what it plays to learn from; 0 is greedy.", Numbers(0, 2)
    )
    batch_size: int = setting(24, "Episodes an iteration, which is one step.", Numbers(1))
    epochs: int = setting(
        1,
        "How often an episode is learned: iterations x batch_size / epochs prompts are played for "
        "it. Of records, all are gone through for as many iterations as there are.",
        Numbers(1),
    )
    lr: float = setting(
        8e-4,
        "Learning rate (AdamW). The default is for the embedded model, of which one layer is "
        "trained; for billions of parameters 1e-5 is usual.",
        Numbers(0, 1, above=True, below=True),
    )
    grad_clip: float | None = setting(
        1.0, "Largest norm of the gradient. None: no bound.", Numbers(0, above=True)
    )
    packing: Literal["tree", "padded"] = setting(
        "tree",
        "What a row of the model's input is. tree: the episodes on a sample, with what they share "
        "computed once; padded: an episode.",
    )
    micro_batch_nodes: int | None = setting(
        GRPOSettings.micro_batch_nodes,
        "Nodes of trees that go through the model at once, padding included. None: all.",
        Numbers(1),
    )
    micro_batch_size: int | None = setting(
        GRPOSettings.micro_batch_size,
        "With packing padded: episodes that go through the model at once. None: all.",
        Numbers(1),
    )
    freeze: tuple[str, ...] = setting(
        FREEZE, "Parameters that are not trained, as grpo.freeze has them."
    )
    gradient_checkpointing: bool = setting(
        False, "Compute each layer twice in place of keeping what is inside it: slower, smaller."
    )
    dtype: str = setting("float32", "Name of the torch dtype that is trained in.", DTYPES)
    max_abstention_share: float = setting(
        GRPOSettings.max_abstention_share,
        "Stop when the judge abstains on a larger share of answers.",
        Numbers(0, 1),
    )

    def __post_init__(self) -> None:
        check_fields(self, TrainingError)
        if self.max_steps is not None:
            check_schedule(self)
