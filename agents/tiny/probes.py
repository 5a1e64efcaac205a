"""Throw-away heads that tell a model in training what is where, and where to look.

Answers alone teach a tiny model too slowly: a word says little about which of forty visual tokens
it came from. Two further questions are asked of it while it learns, of heads that are not kept:

* marks: what does each visual token hold?
* aims: which visual tokens hold the evidence for the turn that is about to be said?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from agents.models.chat import ChatEncoder
from agents.models.vision import VisionProcessor
from agents.tiny.lessons import IGNORE, Lesson, pad_lessons
from agents.tiny.marks import MARK_CLASSES, TEXTS, TIED

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

AIM_WIDTH = 64
"""Width in which the tokens to be said and the visual tokens are compared."""
TEXT_WEIGHT = 3.0
"""Weight of digits and words among the marks: they take the most learning."""
RARE = 3.0
"""Weight of a mark that is there, against one that is not: most tokens hold none."""


class Probes(torch.nn.Module):
    """The heads, and what they see of a model.

    Args:
        model: A vision-language model; its tower and the middle of its language model are watched.
        hidden: Width of its language model.
        seed: Seed of the heads' weights.
    """

    def __init__(self, model: PreTrainedModel, hidden: int, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.marks = torch.nn.Linear(hidden, MARK_CLASSES)
        self.query = torch.nn.Linear(hidden, AIM_WIDTH)
        self.key = torch.nn.Linear(hidden, AIM_WIDTH, bias=False)
        self._tower: Any = None
        self._middle: Any = None
        layers = model.model.language_model.layers
        model.model.visual.register_forward_hook(self._keep_tower)
        layers[len(layers) // 2 - 1].register_forward_hook(self._keep_middle)

    def mark_loss(self, targets: list[NDArray[np.float32]]) -> torch.Tensor:
        """Binary cross-entropy of the marks that the tower last saw, by token and class; a scalar.

        Args:
            targets: Marks of each image, (visual tokens, MARK_CLASSES).
        """
        logits = self.marks(_merged(self._tower))  # (tokens, MARK_CLASSES)
        wanted = torch.from_numpy(np.concatenate(targets))
        weights = torch.ones(MARK_CLASSES)
        weights[:TEXTS] = weights[TIED:] = TEXT_WEIGHT
        total = functional.binary_cross_entropy_with_logits(
            logits, wanted, weight=weights, pos_weight=torch.tensor(RARE), reduction="sum"
        )
        return total / (len(wanted) * TIED)  # as if ties, nearly all absent, were no classes

    def aim_loss(self, lessons: list[Lesson], visual: torch.Tensor) -> tuple[torch.Tensor, int]:
        """How little of the attention of the middle layer would lie on the evidence.

        Args:
            lessons: The sequences that the model last saw.
            visual: Which of their tokens are visual, bool (B, T).

        Returns:
            A scalar, the mean over tokens; and how many tokens these are.
        """
        hidden = _first(self._middle)  # (B, T, hidden)
        queries, keys = self.query(hidden), self.key(hidden)  # (B, T, AIM_WIDTH)
        scores = queries @ keys.transpose(1, 2) / AIM_WIDTH**0.5  # (B, T, T)
        length = hidden.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool).tril()
        seen = scores.masked_fill(~(visual[:, None, :] & earlier), -torch.inf)
        evidence = np.zeros(scores.shape, dtype=bool)
        for row, lesson in enumerate(lessons):
            for aim in lesson.aims:  # a token is predicted at the place before it
                evidence[row, aim.turn[0] - 1 : aim.turn[1] - 1, list(aim.evidence)] = True
        wanted = torch.from_numpy(evidence)
        asked = wanted.any(dim=2)
        seen, wanted = seen[asked], wanted[asked]  # (asked, T)
        found = seen.masked_fill(~wanted, -torch.inf)
        loss: torch.Tensor = (seen.logsumexp(dim=1) - found.logsumexp(dim=1)).mean()
        return loss, len(wanted)

    def _keep_tower(self, _module: Any, _inputs: Any, output: Any) -> None:
        self._tower = output

    def _keep_middle(self, _module: Any, _inputs: Any, output: Any) -> None:
        self._middle = output


def lesson_losses(
    model: PreTrainedModel,
    probes: Probes,
    encoder: ChatEncoder,
    vision: VisionProcessor,
    lessons: list[Lesson],
) -> torch.Tensor:
    """Mean losses of a batch, (3,): of the learned tokens, of the marks, and of the aims.

    Short and long lessons go through the model apart, because padding takes as long as text.
    """
    ordered = sorted(lessons, key=lambda lesson: len(lesson.ids))
    middle = len(ordered) // 2
    total, count = torch.zeros(3), torch.zeros(3)
    for part in (ordered[:middle], ordered[middle:]):
        if part:
            means, counts = _part_losses(model, probes, encoder, vision, part)
            total, count = total + means * counts, count + counts
    return total / count


def _part_losses(
    model: PreTrainedModel,
    probes: Probes,
    encoder: ChatEncoder,
    vision: VisionProcessor,
    lessons: list[Lesson],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The three mean losses of some lessons, and how many values each is the mean of."""
    ids, mask, labels = (torch.from_numpy(a) for a in pad_lessons(lessons, encoder.pad))
    visual = ids == encoder.image_pad
    batch = vision([image for lesson in lessons for image in lesson.images])
    hidden = model.model(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=batch.patches,
        image_grid_thw=batch.grid_thw,
        mm_token_type_ids=visual.int(),
    ).last_hidden_state  # (B, T, hidden)
    targets = labels[:, 1:]
    wanted = targets != IGNORE
    logits = model.lm_head(hidden[:, :-1][wanted])  # (learned, vocab)
    answers = functional.cross_entropy(logits.float(), targets[wanted])
    marks = probes.mark_loss([lesson.marks for lesson in lessons])
    aims, aimed = probes.aim_loss(lessons, visual)
    counts = torch.tensor([int(wanted.sum()), int(visual.sum()), aimed], dtype=torch.float32)
    return torch.stack([answers, marks, aims]), counts


def _merged(features: Any) -> torch.Tensor:
    """The merged visual tokens of the tower's output, (tokens, hidden)."""
    pooled = getattr(features, "pooler_output", features)
    return torch.cat(list(pooled)) if isinstance(pooled, list | tuple) else pooled


def _first(output: Any) -> torch.Tensor:
    """The hidden states of a layer's output."""
    hidden: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return hidden
