"""Log-probs of sampled tokens under a Hugging Face model, exactly as the engines define them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.backends.base import BAN_BIAS
from agents.models.vision import seen_once

if TYPE_CHECKING:
    import torch

    from agents.grpo.batching import ModelBatch


def sampled_logprobs(
    model: Any, batch: ModelBatch, image_pad: int, banned: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies at the sampled tokens, temperature 1.

    Args:
        model: A Qwen-VL model for conditional generation.
        batch: B trajectories with N sampled tokens.
        image_pad: Image placeholder id. The model needs to be told which positions are images;
            without that it silently uses wrong M-RoPE positions.
        banned: Ids that engines never sample.

    Returns:
        Log-probs (N,) and entropies (N,), float32, in nats.
    """
    with seen_once(model.model.visual, batch.images):
        hidden = model.model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            pixel_values=batch.images.patches.to(model.dtype),
            image_grid_thw=batch.images.grid_shown(),
            mm_token_type_ids=(batch.input_ids == image_pad).int(),
        ).last_hidden_state  # (B, T, hidden)
    logits = model.lm_head(hidden[batch.rows, batch.columns]).float()  # (N, vocab)
    bias = logits.new_zeros(logits.shape[-1])
    bias[list(banned)] = BAN_BIAS
    log_probs = (logits + bias).log_softmax(-1)
    chosen = log_probs.gather(-1, batch.targets[:, None]).squeeze(-1)
    entropy = -(log_probs.exp() * log_probs).sum(-1)
    return chosen, entropy
