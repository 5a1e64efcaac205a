"""Trajectories as tensors: padded ids, flat sampled tokens, images processed once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agents.errors import AlignmentError
from agents.models.vision import ImageBatch, VisionProcessor
from agents.rollouts.trajectory import Trajectory

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ModelBatch:
    """Model inputs of B trajectories, and where their N sampled tokens are.

    Attributes:
        input_ids: (B, T), int64, padded on the right.
        attention_mask: (B, T), int64.
        images: Every distinct image as patches, and where they are shown.
        rows: Sequence of each sampled token, (N,), int64.
        columns: Position that *predicts* each sampled token, (N,), int64.
        targets: The sampled ids, (N,), int64.
        sampler_logp: Their log-probs under the engine, (N,), float32.
        advantages: (B,), float32.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    images: ImageBatch
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor
    sampler_logp: torch.Tensor
    advantages: torch.Tensor


class Collator:
    """Builds model batches.

    Args:
        vision: The checkpoint's image processor.
        pad: Padding id.
        image_pad: Image placeholder id.
    """

    def __init__(self, vision: VisionProcessor, pad: int, image_pad: int) -> None:
        self._vision, self._pad, self.image_pad = vision, pad, image_pad

    def __call__(self, trajectories: Sequence[Trajectory]) -> ModelBatch:
        """Collates trajectories that all have an advantage.

        Raises:
            AlignmentError: If image placeholders and image features differ in number.
        """
        import torch

        longest = max(len(t.ids) for t in trajectories)
        ids = np.full((len(trajectories), longest), self._pad, dtype=np.int64)
        attention = np.zeros_like(ids)
        sampled = np.zeros_like(ids)
        logprobs = np.zeros(ids.shape, dtype=np.float32)
        for row, t in enumerate(trajectories):
            n = len(t.ids)
            ids[row, :n], attention[row, :n] = t.ids, 1
            sampled[row, :n], logprobs[row, :n] = t.mask, t.logprobs
        rows, places = np.nonzero(sampled)
        images = self._vision([image for t in trajectories for image in t.images])
        wanted = int(((ids == self.image_pad) & (attention == 1)).sum())
        if wanted != images.tokens_shown():
            raise AlignmentError(
                f"{wanted} image placeholders for {images.tokens_shown()} image features."
            )
        return ModelBatch(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy(attention),
            images=images,
            rows=torch.from_numpy(rows),
            columns=torch.from_numpy(places - 1),
            targets=torch.from_numpy(ids[rows, places]),
            sampler_logp=torch.from_numpy(logprobs[rows, places]),
            advantages=torch.tensor([t.advantage or 0.0 for t in trajectories]),
        )
