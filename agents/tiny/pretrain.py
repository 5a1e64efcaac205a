"""Trains the tiny Qwen2.5-VL from scratch, in three stages: pages, questions, dialogues.

    visionthink pretrain --out checkpoint

Pages teach the vision tower to read, questions teach the language model to use what it sees, and
dialogues teach the protocol: answer, or ask for the sharp image and then answer, by a coin.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.chat import ChatEncoder
from agents.checkpoints import check_model_dir, load_model
from agents.tiny.lessons import (
    IGNORE,
    LIMITS,
    Lesson,
    dialogue_lesson,
    pad_lessons,
    question_lesson,
)
from agents.tiny.model import TinyConfig, build_model, save_checkpoint
from agents.tiny.pages import GLYPH_CLASSES, draw_page, glyph_targets
from agents.tiny.tokenizer import build_tokenizer
from agents.vision import VisionProcessor
from vt_env.errors import ConfigError
from vt_env.images import resample, shown_size
from vt_env.tasks import CANVAS, World
from vt_env.tasks.numbers import SIZES
from vt_env.templates import load_template
from vt_env.tokens import token_family

if TYPE_CHECKING:
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

STAGES = ("pages", "questions", "dialogues")
Progress = Callable[[str, int, int, float], None]
"""Called after each step with the stage, steps done, steps in all, and the loss."""


@dataclass(frozen=True)
class PretrainConfig:
    """Recipe of the pretraining.

    Attributes:
        seed: Seed of weights and data.
        canvas: Side of the scenes, in pixels.
        page_steps: Steps of the first stage, 64 pages each.
        question_steps: Steps of the second stage, 64 scenes each.
        dialogue_steps: Steps of the third stage, 64 episodes each.
        batch_size: Sequences a step.
        lr: Peak learning rate of the first two stages (AdamW).
        dialogue_lr: Peak learning rate of the third.
        warmup: Steps over which each stage's rate rises.
        request_share: Chance that a dialogue asks for high resolution.
        low_share: Chance that pages and questions are shown at low resolution.
        start: Checkpoint directory of an earlier run to go on from; None: random weights.
        threads: Threads that torch computes with; 0: torch's own choice.
    """

    seed: int = 0
    canvas: int = CANVAS
    page_steps: int = 2000
    question_steps: int = 2400
    dialogue_steps: int = 1000
    batch_size: int = 64
    lr: float = 1.5e-3
    dialogue_lr: float = 5e-4
    warmup: int = 100
    request_share: float = 0.5
    low_share: float = 1 / 3
    start: str | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("page_steps", "question_steps", "dialogue_steps", "warmup", "threads"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0, got {getattr(self, name)}.")
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be at least 1, got {self.batch_size}.")
        for name in ("request_share", "low_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)}.")


class Pretrainer:
    """Holds the model, its tokenizer and the recipe; `run` trains and saves.

    Args:
        config: The recipe.
        out: Directory of the checkpoint; its processor files are written at once.
    """

    def __init__(self, config: PretrainConfig, out: Path) -> None:
        self.config, self.out = config, out
        tokenizer = build_tokenizer()
        self.tokenizer = tokenizer
        self.encoder = ChatEncoder(tokenizer)
        self.template = load_template("brief")
        self.model = build_model(TinyConfig(), tokenizer, config.seed)
        self.earlier = self._start_from(config.start) if config.start else []
        save_checkpoint(self.model, tokenizer, out)
        self.vision = VisionProcessor(out)
        self.world = World("train", seed=config.seed, canvas=config.canvas)
        self.curve: list[dict[str, Any]] = []

    def _start_from(self, directory: str) -> list[dict[str, Any]]:
        """Takes over the weights of an earlier run; returns the record of how they came about."""
        path = check_model_dir(directory)
        self.model.load_state_dict(load_model(path).state_dict(), strict=True)
        record = json.loads((path / "pretraining.json").read_text(encoding="utf-8"))
        earlier: list[dict[str, Any]] = record["runs"]
        return earlier

    def run(self, progress: Progress) -> None:
        """Trains all three stages, saving the checkpoint and the curve after each."""
        import torch

        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        started = time.monotonic()
        for stage in STAGES:
            for step, steps, loss in self._stage(stage):
                progress(stage, step, steps, loss)
                if step % 20 == 0 or step == steps:
                    seconds = round(time.monotonic() - started, 1)
                    self.curve.append(
                        {"stage": stage, "step": step, "loss": round(loss, 5), "seconds": seconds}
                    )
            save_checkpoint(self.model, self.tokenizer, self.out)
            self._write_recipe()

    def _write_recipe(self) -> None:
        run = {
            "recipe": asdict(self.config) | {"start": bool(self.config.start)},
            "number_sizes": SIZES,
            "curve": self.curve,
        }
        record = {"model": asdict(TinyConfig()), "runs": [*self.earlier, run]}
        path = self.out / "pretraining.json"
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")

    def _stage(self, stage: str) -> Iterator[tuple[int, int, float]]:
        config = self.config
        rng = np.random.default_rng([config.seed, STAGES.index(stage), len(self.earlier)])
        if stage == "pages":
            return self._pages(rng)
        if stage == "questions":
            return self._sequences(config.question_steps, config.lr, lambda: self._questions(rng))
        return self._sequences(
            config.dialogue_steps, config.dialogue_lr, lambda: self._dialogues(rng)
        )

    def _pages(self, rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
        import torch
        from torch.nn import functional

        tower, steps = self.model.model.visual, self.config.page_steps
        torch.manual_seed(self.config.seed + 1)
        head = torch.nn.Linear(TinyConfig().hidden, GLYPH_CLASSES)  # thrown away afterwards
        parameters = [*tower.parameters(), *head.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=self.config.lr)
        weight = torch.tensor(3.0)  # most tokens hold no glyph
        for step in range(1, steps + 1):
            self._set_rate(optimizer, self.config.lr, step, steps)
            scale = 0.5 if rng.random() < self.config.low_share else 1.0
            pages = [draw_page(rng, self.config.canvas) for _ in range(self.config.batch_size)]
            size = shown_size(pages[0].image.size, scale, LIMITS)
            grid = size[0] // token_family(LIMITS.family).block
            targets = [glyph_targets(page, grid, self.config.canvas / grid) for page in pages]
            batch = self.vision([np.array(resample(page.image, size)) for page in pages])
            features = tower(batch.patches, grid_thw=batch.grid_thw)
            logits = head(_merged(features))  # (tokens, GLYPH_CLASSES)
            loss = functional.binary_cross_entropy_with_logits(
                logits, torch.from_numpy(np.concatenate(targets)), pos_weight=weight
            )
            yield step, steps, self._learn(loss, optimizer, parameters)

    def _questions(self, rng: np.random.Generator) -> list[Lesson]:
        scale = 0.5 if rng.random() < self.config.low_share else 1.0
        return [
            question_lesson(rng, self.encoder, self.config.canvas, scale)
            for _ in range(self.config.batch_size)
        ]

    def _dialogues(self, rng: np.random.Generator) -> list[Lesson]:
        return [
            dialogue_lesson(
                rng,
                self.world[int(rng.integers(len(self.world)))],
                self.encoder,
                self.template,
                self.config.request_share,
            )
            for _ in range(self.config.batch_size)
        ]

    def _sequences(
        self, steps: int, lr: float, draw: Callable[[], list[Lesson]]
    ) -> Iterator[tuple[int, int, float]]:
        import torch

        parameters = list(self.model.parameters())
        optimizer = torch.optim.AdamW(parameters, lr=lr)
        self.model.train()
        for step in range(1, steps + 1):
            self._set_rate(optimizer, lr, step, steps)
            loss = sequence_loss(self.model, self.encoder, self.vision, draw())
            yield step, steps, self._learn(loss, optimizer, parameters)

    def _set_rate(self, optimizer: torch.optim.Optimizer, lr: float, step: int, steps: int) -> None:
        """Linear warm-up, then linear decay to a twentieth."""
        warm = min(1.0, step / max(1, self.config.warmup))
        for group in optimizer.param_groups:
            group["lr"] = lr * warm * max(0.05, 1 - step / (steps + 1))

    @staticmethod
    def _learn(
        loss: torch.Tensor, optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]
    ) -> float:
        import torch

        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return float(loss.detach())


def sequence_loss(
    model: Qwen2_5_VLForConditionalGeneration,
    encoder: ChatEncoder,
    vision: VisionProcessor,
    lessons: list[Lesson],
) -> torch.Tensor:
    """Mean cross-entropy over the labelled tokens of a batch; a scalar."""
    import torch
    from torch.nn import functional

    ids, mask, labels = (torch.from_numpy(a) for a in pad_lessons(lessons, encoder.pad))
    batch = vision([image for lesson in lessons for image in lesson.images])
    hidden = model.model(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=batch.patches,
        image_grid_thw=batch.grid_thw,
        mm_token_type_ids=(ids == encoder.image_pad).int(),
    ).last_hidden_state  # (B, T, hidden)
    targets = labels[:, 1:]
    wanted = targets != IGNORE
    logits = model.lm_head(hidden[:, :-1][wanted])  # (labelled, vocab)
    return functional.cross_entropy(logits.float(), targets[wanted])


def _merged(features: Any) -> torch.Tensor:
    """The merged visual tokens of the tower's output, (tokens, hidden)."""
    import torch

    pooled = getattr(features, "pooler_output", features)
    return torch.cat(list(pooled)) if isinstance(pooled, list | tuple) else pooled
