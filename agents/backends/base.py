"""What an engine is: conversations in as token ids and images, sampled tokens out.

One protocol serves a CPU and a GPU, Hugging Face transformers and vLLM. An engine samples from
the distribution that the trainer differentiates: ids in `ChatEncoder.banned` are never sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from agents.models.chat import ChatEncoder
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

if TYPE_CHECKING:
    import torch
    from PIL import Image

BAN_BIAS = -100.0
"""Added to the logits of banned ids, in engine and trainer alike."""
TRUNCATIONS = frozenset(
    ("top_p", "top_k", "min_p", "typical_p", "repetition_penalty", "presence_penalty")
)
"""What other trainers sample with and ours does not: what is drawn is what is differentiated."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float = setting(
        1.0, "0 is greedy; 1 is the model's own distribution.", Numbers(0, 2)
    )
    max_new_tokens: int = field(
        kw_only=True, metadata={"help": "Longest turn, in tokens.", "accepts": Numbers(1)}
    )
    seed: int = setting(
        0,
        "Seed of this one call; the same call with the same seed draws the same tokens.",
        Numbers(0),
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class GenerationRequest:
    """A conversation to be continued.

    Attributes:
        prompt_ids: Token ids with one image pad an image.
        images: The images in the order of their pads, mode RGB; those that several conversations
            show are one object.
    """

    prompt_ids: tuple[int, ...]
    images: tuple[Image.Image, ...]


@dataclass(frozen=True)
class Generation:
    """What was sampled.

    Attributes:
        prompt_ids: The prompt as the model saw it, image pads expanded.
        token_ids: Sampled ids, the end token included when it was reached.
        logprobs: Log-probability of each sampled id, in nats, under the sampling distribution.
        finished: True when the turn ended by itself, False when it hit `max_new_tokens`.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


def alike(requests: Sequence[GenerationRequest]) -> list[list[int]]:
    """Places of the requests that ask for the same, together; in the order of their first ones.

    The episodes of a group share their prompt and images until they part; an engine may read that
    once and draw several times.

    Args:
        requests: Two are alike if their tokens are equal and their images the same objects.
    """
    groups: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for place, request in enumerate(requests):
        key = (tuple(request.prompt_ids), tuple(map(id, request.images)))
        groups.setdefault(key, []).append(place)
    return list(groups.values())


@runtime_checkable
class GenerationBackend(Protocol):
    """An engine that continues conversations."""

    @property
    def encoder(self) -> ChatEncoder:
        """The model's chat format."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens that prompt and turn may have together."""
        ...

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        """Continues every conversation; results in the order of the requests."""
        ...

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Replaces the weights (Hugging Face names) and drops every cache made with old ones."""
        ...

    def close(self) -> None:
        """Frees the engine; it cannot be used afterwards."""
        ...


@runtime_checkable
class LoadsSome(GenerationBackend, Protocol):
    """An engine that can take the layers that changed, and keep the others."""

    def load_some(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Replaces the weights of whole layers (Hugging Face names); the others stay as they are.

        Caches made with old ones are dropped.
        """
        ...
