"""A generation engine around the reference one; it counts what it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents import BACKENDS, Generation, GenerationRequest, Sampling, make_backend


@BACKENDS.register("acme_engine")
class AcmeEngine:
    """Hands everything on."""

    def __init__(self, model_dir: str, *, max_model_len: int | None = None) -> None:
        self._inner = make_backend("transformers", model_dir, max_model_len=max_model_len)
        self.encoder, self.context_length = self._inner.encoder, self._inner.context_length
        self.asked = 0

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        self.asked += len(requests)
        return self._inner.generate(requests, sampling)

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        self._inner.load_weights(weights)

    def close(self) -> None:
        self._inner.close()
