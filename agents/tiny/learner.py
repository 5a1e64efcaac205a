"""`Learner`: the model, its probes, and the loss of one shard of one step.

What a step teaches hangs on seed, stage, step and shard alone, so that any process can compute it
at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from agents.models.chat import ChatEncoder
from agents.models.vision import Pixels, VisionProcessor
from agents.tiny.lessons import Lesson, dialogue_lesson
from agents.tiny.marks import mark_targets, ties_of
from agents.tiny.model import TinyConfig, build_model, tiny_limits
from agents.tiny.pages import Page, draw_page
from agents.tiny.patches import PatchProjection
from agents.tiny.probes import Probes, lesson_losses
from agents.tiny.recipe import PretrainConfig
from vt_env import SUITES, load_template
from vt_env.images import resample, shown_size
from vt_env.tasks import draw_scene
from vt_env.tokens import block_family

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerFast

TOWER = "model.visual."
"""What the names of the vision tower's parameters begin with."""

View = tuple[Pixels, "NDArray[np.float32]"]
"""A view of a page or a scene, uint8 (side, side, 3), and its marks."""


@dataclass(frozen=True)
class Drawn:
    """What one shard of one step learns from.

    Attributes:
        lessons: Dialogues; none in the first stage.
        views: What the tower reads on its own.
    """

    lessons: list[Lesson]
    views: list[View]


class Learner:
    """One process's share of a pretraining.

    Args:
        config: The recipe.
        tokenizer: The model's tokenizer.
        checkpoint: Directory of the model's checkpoint, of which only the processor is read.
    """

    def __init__(
        self, config: PretrainConfig, tokenizer: PreTrainedTokenizerFast, checkpoint: Path
    ) -> None:
        self.config = config
        self.encoder = ChatEncoder(tokenizer)
        self.template = load_template("brief")
        self.size = TinyConfig(config.architecture)
        self.limits = tiny_limits(config.architecture)
        self.model = build_model(self.size, tokenizer, config.seed)
        embedding = self.model.model.visual.patch_embed
        embedding.proj = PatchProjection(embedding.proj)
        self.probes = Probes(self.model, self.size.hidden, config.seed)
        self.vision = VisionProcessor(checkpoint)
        self.model.train()

    def trained(self, stage: int) -> list[tuple[str, torch.nn.Parameter]]:
        """What a stage trains, by name: the tower alone, or all; and the probes."""
        prefix = TOWER if stage == 0 else ""
        named = self.model.named_parameters()
        own = [(name, parameter) for name, parameter in named if name.startswith(prefix)]
        return [*own, *self.probes.named_parameters(prefix="probes")]

    def draw(self, stage: int, step: int, shard: int) -> Drawn:
        """What a shard of a step learns from; it hangs on no weights."""
        config = self.config
        rng = np.random.default_rng([config.seed, stage, step, shard])
        if stage == 0:
            count = config.tower_batch_size // config.shards
            return Drawn([], [self._view(rng, config.page_share) for _ in range(count)])
        lessons = [
            dialogue_lesson(
                rng, self.encoder, self.limits, self.template, config.canvas, config.request_share
            )
            for _ in range(config.batch_size // config.shards)
        ]
        count = config.pages_beside // config.shards
        return Drawn(lessons, [self._view(rng, page_share=1.0) for _ in range(count)])

    def loss(self, drawn: Drawn) -> torch.Tensor:
        """Mean loss of a shard of a step; a scalar."""
        if not drawn.lessons:
            return self._read(drawn.views)
        config = self.config
        losses = lesson_losses(self.model, self.probes, self.encoder, self.vision, drawn.lessons)
        answers, marks, aims = losses
        loss: torch.Tensor = answers + config.mark_weight * marks + config.aim_weight * aims
        return loss + config.mark_weight * self._read(drawn.views) if drawn.views else loss

    def _view(self, rng: np.random.Generator, page_share: float) -> View:
        """A view of a page or a scene."""
        canvas = self.config.canvas
        if rng.random() < page_share:
            page = draw_page(rng, canvas)
        else:
            scene = draw_scene(rng, canvas, SUITES["mixed"])
            page = Page(scene.sheet, ties_of(scene.sheet, scene.questions))
        scale = 0.5 if rng.random() < self.config.low_share else 1.0
        image = page.sheet.finish()
        view = resample(image, shown_size(image.size, scale, self.limits))
        block = block_family(self.limits.token_family).block
        return np.array(view), mark_targets(page.sheet, page.ties, view.width, block)

    def _read(self, views: Sequence[View]) -> torch.Tensor:
        """How badly the tower reads some views; a scalar."""
        images, marks = zip(*views, strict=True)
        batch = self.vision(list(images))
        self.model.model.visual(batch.patches, grid_thw=batch.grid_thw)
        return self.probes.mark_loss(list(marks))
