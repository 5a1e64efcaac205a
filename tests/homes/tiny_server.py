"""verl's rollout server played by the embedded model: plain transformers generation."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from verl.workers.rollout.replica import TokenOutput


class TinyServer:
    """Has the one method of verl's server manager that an agent loop calls.

    Args:
        model: The policy.
        processor: Its processor.
        seed: Seed of the draws.
    """

    def __init__(self, model: Any, processor: Any, seed: int = 0) -> None:
        self.model, self.processor = model, processor
        self.pad = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.asked: list[dict[str, Any]] = []
        torch.manual_seed(seed)

    async def generate(
        self,
        request_id: str,
        *,
        prompt_ids: list[int],
        sampling_params: dict[str, Any],
        image_data: list[Image.Image],
    ) -> TokenOutput:
        self.asked.append({"request": request_id, **sampling_params, "images": len(image_data)})
        ids = torch.tensor([prompt_ids])  # (1, T)
        with torch.inference_mode():
            out = self.model.generate(
                **self.inputs(ids, image_data),
                max_new_tokens=sampling_params["max_tokens"],
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                return_dict_in_generate=True,
                output_scores=True,
            )
        drawn = out.sequences[0, ids.shape[1] :]  # (N,)
        scores = torch.cat(out.scores).float().log_softmax(-1)  # (N, vocab)
        logprobs = scores.gather(-1, drawn[:, None]).squeeze(-1)  # (N,)
        return TokenOutput(
            token_ids=drawn.tolist(),
            log_probs=logprobs.tolist(),
            stop_reason="completed",
            extra_fields={"min_global_steps": 3, "max_global_steps": 3 + len(self.asked)},
        )

    def inputs(self, ids: torch.Tensor, images: list[Image.Image]) -> dict[str, torch.Tensor]:
        """What the model reads: tokens (1, T), and patches of the images."""
        seen = self.processor.image_processor(images=images, return_tensors="pt")
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": (ids == self.pad).int(),
            "pixel_values": seen["pixel_values"],
            "image_grid_thw": seen["image_grid_thw"],
        }

    def logprobs(self, ids: list[int], images: list[Image.Image]) -> list[float]:
        """Log-probability of each token but the first, by one pass over all of them."""
        stream = torch.tensor([ids])  # (1, T)
        with torch.inference_mode():
            logits = self.model(**self.inputs(stream, images)).logits[0, :-1].float()  # (T-1, V)
        return logits.log_softmax(-1).gather(-1, stream[0, 1:, None]).squeeze(-1).tolist()
