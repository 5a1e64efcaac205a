"""Trains the tiny model from scratch, in three stages: pages, questions, dialogues.

    visionthink pretrain --out checkpoint

Pages teach the vision tower to read, questions teach the language model to use what it sees, and
dialogues teach the protocol: answer, or ask for the sharp image and then answer, by a coin. A
throw-away head keeps asking the tower what each visual token holds, in all three.

Every step's data hang on seed, stage and step alone, and the state is saved now and then: a run
that was killed goes on where it was, to the same weights.
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
from agents.tiny.lessons import (
    IGNORE,
    Lesson,
    dialogue_lesson,
    pad_lessons,
    question_lesson,
)
from agents.tiny.model import TinyConfig, build_model, save_checkpoint, tiny_limits
from agents.tiny.pages import MARK_CLASSES, draw_page, mark_targets
from agents.tiny.state import load_state, save_state
from agents.tiny.tokenizer import build_tokenizer
from agents.vision import VisionProcessor
from vt_env.errors import ConfigError
from vt_env.tasks import CANVAS, World
from vt_env.templates import load_template
from vt_env.tokens import token_family

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

STAGES = ("pages", "questions", "dialogues")
STATE = "state.safetensors"
"""File in the checkpoint's directory from which a killed run goes on; removed at the end."""
RECORD = "pretraining.json"
"""File that says how a finished model came about."""
MARK_WEIGHT = 0.5
"""Weight of the marks beside the answers, in the second and third stage."""
Progress = Callable[[str, int, int, float], None]
"""Called after each step with the stage, steps done, steps in all, and the loss."""


@dataclass(frozen=True)
class PretrainConfig:
    """Recipe of the pretraining.

    Attributes:
        seed: Seed of weights and data.
        architecture: ``"qwen2_5_vl"`` or ``"qwen3_vl"``.
        canvas: Side of the scenes, in pixels; halved, it must be whole visual tokens.
        page_canvas: Side of the pages, in pixels; small pages are cheap, and reading is local.
        page_steps: Steps of the first stage, a batch of pages each.
        question_steps: Steps of the second stage, a batch of scenes each.
        dialogue_steps: Steps of the third stage, a batch of episodes each.
        page_batch_size: Pages a step.
        batch_size: Scenes or episodes a step.
        page_lr: Peak learning rate of the first stage (AdamW).
        lr: Peak learning rate of the second.
        dialogue_lr: Peak learning rate of the third.
        warmup: Steps over which each stage's rate rises.
        request_share: Chance that a dialogue asks for high resolution.
        low_share: Chance that a batch of questions is shown at low resolution.
        save_every: Steps between saves of the state.
        threads: Threads that torch computes with; 0: torch's own choice.
    """

    seed: int = 0
    architecture: str = "qwen2_5_vl"
    canvas: int = CANVAS
    page_canvas: int = 112
    page_steps: int = 3000
    question_steps: int = 6000
    dialogue_steps: int = 1000
    page_batch_size: int = 32
    batch_size: int = 32
    page_lr: float = 3e-3
    lr: float = 1.5e-3
    dialogue_lr: float = 5e-4
    warmup: int = 100
    request_share: float = 0.5
    low_share: float = 1 / 3
    save_every: int = 100
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("page_steps", "question_steps", "dialogue_steps", "warmup", "threads"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0, got {getattr(self, name)}.")
        for name in ("page_batch_size", "batch_size", "save_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("request_share", "low_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie in [0, 1], got {getattr(self, name)}.")


class Pretrainer:
    """Holds the model, its tokenizer and the recipe; `run` trains and saves.

    Args:
        config: The recipe.
        out: Directory of the checkpoint; its processor files are written at once.
        resume: Whether to go on from the state that a killed run left in `out`.

    Raises:
        ConfigError: If `out` holds a finished model, there is a state and `resume` is False, there
            is none and `resume` is True, or the state is another recipe's.
    """

    def __init__(self, config: PretrainConfig, out: Path, resume: bool = False) -> None:
        import torch

        self.config, self.out = config, out
        state = out / STATE
        if state.exists() != resume:
            raise ConfigError(
                f"{state} is an unfinished run: go on with --resume, or remove it."
                if state.exists()
                else f"There is no unfinished run in {out} to resume."
            )
        if (out / RECORD).exists():
            raise ConfigError(f"{out} holds a finished model; choose another directory.")
        tokenizer = build_tokenizer()
        self.tokenizer = tokenizer
        self.encoder = ChatEncoder(tokenizer)
        self.template = load_template("brief")
        self.size = TinyConfig(config.architecture)
        self.limits = tiny_limits(config.architecture)
        self.model = build_model(self.size, tokenizer, config.seed)
        self.head = torch.nn.Linear(self.size.hidden, MARK_CLASSES)  # thrown away at the end
        self.world = World("train", seed=config.seed, canvas=config.canvas, suite="mixed")
        self.curve: list[dict[str, Any]] = []
        self._seconds = 0.0
        self._features: Any = None
        self.model.model.visual.register_forward_hook(self._keep_features)
        self._place = (0, 0)  # stage and step that are done
        self._optimizer: torch.optim.Optimizer | None = None
        save_checkpoint(self.model, tokenizer, out)
        self.vision = VisionProcessor(out)
        if resume:
            self._load_state()

    def run(self, progress: Progress) -> None:
        """Trains all three stages, saving the state now and then, and the checkpoint at the end."""
        import torch

        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        self.model.train()
        started = time.monotonic() - self._seconds
        for number, stage in enumerate(STAGES[self._place[0] :], start=self._place[0]):
            steps = getattr(self.config, f"{stage.removesuffix('s')}_steps")
            for step, loss in self._stage(number, steps):
                self._seconds = time.monotonic() - started
                if step % 20 == 0 or step == steps:
                    row = {"stage": stage, "step": step, "loss": round(loss, 5)}
                    self.curve.append(row | {"seconds": round(self._seconds, 1)})
                self._place = (number, step)
                if step % self.config.save_every == 0:
                    self._save_state()
                progress(stage, step, steps, loss)
            self._place, self._optimizer = (number + 1, 0), None
            self._save_state()
            save_checkpoint(self.model, self.tokenizer, self.out)
        self._write_recipe()
        (self.out / STATE).unlink()

    def _stage(self, number: int, steps: int) -> Iterator[tuple[int, float]]:
        """Trains one stage from where it was left; yields each step and its loss."""
        import torch

        lr = (self.config.page_lr, self.config.lr, self.config.dialogue_lr)[number]
        trained = self._trained(number)
        if self._optimizer is None:
            self._optimizer = torch.optim.AdamW(trained, lr=lr)
        for step in range(self._place[1] + 1, steps + 1):
            rng = np.random.default_rng([self.config.seed, number, step])
            self._set_rate(lr, step, steps)
            loss = (self._pages, self._questions, self._dialogues)[number](rng)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            self._optimizer.step()
            yield step, float(loss.detach())

    def _trained(self, number: int) -> list[torch.nn.Parameter]:
        """What a stage trains: the tower alone, or all; and the head."""
        part = self.model.model.visual if number == 0 else self.model
        return [*part.parameters(), *self.head.parameters()]

    def _set_rate(self, lr: float, step: int, steps: int) -> None:
        """Linear warm-up, then linear decay to a twentieth."""
        assert self._optimizer is not None
        warm = min(1.0, step / max(1, self.config.warmup))
        for group in self._optimizer.param_groups:
            group["lr"] = lr * warm * max(0.05, 1 - step / (steps + 1))

    def _pages(self, rng: np.random.Generator) -> torch.Tensor:
        block = token_family(self.limits.family).block
        side = self.config.page_canvas
        sheets = [draw_page(rng, side) for _ in range(self.config.page_batch_size)]
        batch = self.vision([np.array(sheet.finish()) for sheet in sheets])
        self.model.model.visual(batch.patches, grid_thw=batch.grid_thw)
        return self._mark_loss([mark_targets(sheet, side, block) for sheet in sheets])

    def _questions(self, rng: np.random.Generator) -> torch.Tensor:
        scale = 0.5 if rng.random() < self.config.low_share else 1.0
        return self._loss(
            [
                question_lesson(rng, self.encoder, self.limits, self.config.canvas, scale)
                for _ in range(self.config.batch_size)
            ]
        )

    def _dialogues(self, rng: np.random.Generator) -> torch.Tensor:
        share = self.config.request_share
        samples = [
            self.world[int(index)]
            for index in rng.integers(len(self.world), size=self.config.batch_size)
        ]
        return self._loss(
            [
                dialogue_lesson(rng, sample, self.encoder, self.limits, self.template, share)
                for sample in samples
            ]
        )

    def _loss(self, lessons: list[Lesson]) -> torch.Tensor:
        """Cross-entropy of the answers, and of the marks."""
        answers = sequence_loss(self.model, self.encoder, self.vision, lessons)
        return answers + MARK_WEIGHT * self._mark_loss([lesson.marks for lesson in lessons])

    def _mark_loss(self, targets: list[np.ndarray]) -> torch.Tensor:
        """Binary cross-entropy of the marks that the tower last saw; a scalar."""
        import torch
        from torch.nn import functional

        logits = self.head(_merged(self._features))  # (tokens, MARK_CLASSES)
        weight = torch.tensor(3.0)  # most tokens hold no mark
        wanted = torch.from_numpy(np.concatenate(targets))
        return functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weight)

    def _keep_features(self, _module: Any, _inputs: Any, output: Any) -> None:
        self._features = output

    def _save_state(self) -> None:
        about = {
            "recipe": asdict(self.config),
            "place": self._place,
            "curve": self.curve,
            "seconds": self._seconds,
        }
        save_state(self.out / STATE, self.model, self.head, self._optimizer, about)

    def _load_state(self) -> None:
        import torch

        about, restore = load_state(self.out / STATE, self.model, self.head)
        mine = asdict(self.config)
        changed = [k for k in mine if about["recipe"].get(k) != mine[k] and k != "threads"]
        if changed:
            raise ConfigError(
                f"{self.out / STATE} was made with another {', '.join(changed)}; "
                f"resume with the same settings."
            )
        self.curve, self._seconds = about["curve"], about["seconds"]
        self._place = (about["place"][0], about["place"][1])
        if self._place[1]:
            self._optimizer = torch.optim.AdamW(self._trained(self._place[0]))
            restore(self._optimizer)

    def _write_recipe(self) -> None:
        record = {
            "model": asdict(self.size),
            "recipe": asdict(self.config),
            "curve": self.curve,
        }
        path = self.out / RECORD
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")


def sequence_loss(
    model: PreTrainedModel,
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
