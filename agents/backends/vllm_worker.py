"""Runs inside vLLM's worker: loads new weights from a safetensors file."""

from __future__ import annotations

from typing import Any


class WeightLoader:
    """vLLM worker extension (``worker_extension_cls``)."""

    reload_weights: Any  # given by the worker this class is mixed into

    def load_weight_file(self, path: str) -> None:
        """Replaces the model's weights by those in the file, in place.

        Args:
            path: A safetensors file with Hugging Face names; shared memory makes it fast.
        """
        from safetensors import safe_open

        with safe_open(path, framework="pt", device="cpu") as file:
            self.reload_weights(weights_iterator=((n, file.get_tensor(n)) for n in file.keys()))  # noqa: SIM118
