"""`TransformersBackend`: plain Hugging Face generation, the reference engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.backends.base import BAN_BIAS, Generation, GenerationRequest, Sampling
from agents.models.chat import ChatEncoder, expand_images, load_tokenizer
from agents.models.checkpoints import Tensors, load_model, playable
from agents.models.vision import VisionProcessor

if TYPE_CHECKING:
    import torch


class TransformersBackend:
    """Generates with `model.generate`, in batches padded on the left.

    Args:
        model_dir: Hugging Face checkpoint directory.
        dtype: Name of a torch dtype.
        max_model_len: Most tokens that prompt and turn may have together; None: as the checkpoint
            has it.
        batch_size: Conversations generated at once.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        dtype: str = "float32",
        max_model_len: int | None = None,
        batch_size: int = 256,
    ) -> None:
        found = playable(model_dir)
        self.context_length = max_model_len or found.defaults.max_model_len
        self.encoder = ChatEncoder(load_tokenizer(model_dir))
        self._vision = VisionProcessor(model_dir)
        self._batch_size = batch_size
        self._model: Any = load_model(model_dir, dtype)

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        """Continues every conversation; results in the order of the requests."""
        import torch

        results: list[Generation] = []
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(sampling.seed)
            for start in range(0, len(requests), self._batch_size):
                results += self._generate(requests[start : start + self._batch_size], sampling)
        return results

    def load_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Copies the weights into the model.

        Raises:
            BackendError: If they are not all of the model's tensors.
        """
        Tensors.of(self._model).check(weights)
        self._model.load_state_dict(dict(weights), strict=False)  # tied ones may be left out

    def load_some(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Copies some of the weights into the model.

        Raises:
            BackendError: If one is none of the model's.
        """
        Tensors.of(self._model).check(weights, some=True)
        self._model.load_state_dict(dict(weights), strict=False)

    def close(self) -> None:
        """Drops the model."""
        self._model = None

    def _generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling
    ) -> list[Generation]:
        import torch

        batch = self._vision([image for request in requests for image in request.images])
        counts = iter([batch.tokens[number] for number in batch.shown])
        prompts = [
            expand_images(
                request.prompt_ids, self.encoder.image_pad, [next(counts) for _ in request.images]
            )
            for request in requests
        ]
        longest = max(map(len, prompts))
        ids = np.full((len(prompts), longest), self.encoder.pad)
        mask = np.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :], mask[row, longest - len(prompt) :] = prompt, 1
        input_ids = torch.from_numpy(ids)
        choice = (
            {"do_sample": True, "temperature": sampling.temperature, "top_k": 0, "top_p": 1.0}
            if sampling.temperature > 0
            else {"do_sample": False}
        )
        out = self._model.generate(
            input_ids=input_ids,
            attention_mask=torch.from_numpy(mask),
            pixel_values=batch.patches_shown(),
            image_grid_thw=batch.grid_shown(),
            mm_token_type_ids=(input_ids == self.encoder.image_pad).int(),
            max_new_tokens=sampling.max_new_tokens,
            sequence_bias=[[[token], BAN_BIAS] for token in self.encoder.banned],
            eos_token_id=self.encoder.eos,
            pad_token_id=self.encoder.pad,
            return_dict_in_generate=True,
            output_scores=True,
            **choice,
        )
        sampled = out.sequences[:, longest:]  # (B, T)
        scores = torch.stack(out.scores, 1).float()  # (B, T, vocab)
        logprobs = scores.log_softmax(-1).gather(-1, sampled[..., None]).squeeze(-1)
        return [
            self._result(prompt, tokens, values)
            for prompt, tokens, values in zip(
                prompts, sampled.tolist(), logprobs.tolist(), strict=True
            )
        ]

    def _result(self, prompt: list[int], tokens: list[int], logprobs: list[float]) -> Generation:
        finished = self.encoder.eos in tokens
        length = tokens.index(self.encoder.eos) + 1 if finished else len(tokens)
        return Generation(tuple(prompt), tuple(tokens[:length]), tuple(logprobs[:length]), finished)
