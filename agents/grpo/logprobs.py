"""Log-probs of sampled tokens under a Hugging Face model, exactly as the engines define them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agents.backends.base import BAN_BIAS
from agents.models.vision import FeatureCache, encoder_outputs, image_features

if TYPE_CHECKING:
    import torch

    from agents.grpo.packing.batching import ModelBatch

CHUNK = 2**26
"""Most logits that are held at once: 256 MB in float32."""
_TREE_ATTENTION = ("sdpa", "eager")


@dataclass(frozen=True)
class Readout:
    """How hidden states become log-probs.

    Attributes:
        banned: Ids that engines never sample.
        temperature: Of the rollouts. Engines report log-probs of the distribution that they draw
            from, so logits are biased, then divided by it.
        entropy: Whether the entropy is wanted, and with a gradient.
        chunk: Most logits held at once.
    """

    banned: tuple[int, ...]
    temperature: float = 1.0
    entropy: Literal["none", "value", "gradient"] = "value"
    chunk: int = CHUNK


def refuses_trees(model: Any) -> str | None:
    """Why a model cannot take prefix trees; None: it can.

    A tree needs attention with a mask of one's own, in every layer: a window would count
    neighbours in the row, a recurrent layer would run from one answer into the next.
    """
    text = model.config.get_text_config()
    if text._attn_implementation not in _TREE_ATTENTION:
        return f"its attention is {text._attn_implementation!r}"
    other = {kind for kind in getattr(text, "layer_types", None) or () if kind != "full_attention"}
    return f"it has layers of {', '.join(sorted(other))}" if other else None


def sampled_logprobs(
    model: Any, batch: ModelBatch, readout: Readout, cache: FeatureCache | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies at the sampled tokens.

    Args:
        model: A Qwen-VL model for conditional generation.
        batch: Trajectories with N sampled tokens, where the model is.
        readout: How hidden states become log-probs.
        cache: Features of images, of a tower that does not change.

    Returns:
        Log-probs (N,) and entropies (N,), float32, in nats; entropies are 0 where none are wanted.
    """
    features = image_features(model, batch.images, cache)
    hidden = model.model(
        input_ids=batch.input_ids,
        attention_mask=_attention(model, batch),
        position_ids=batch.positions,
        mm_encoder_outputs=encoder_outputs(features, batch.images.shown) if features else None,
        use_cache=False,
    ).last_hidden_state
    return from_hidden(model, hidden, batch, readout)


def from_hidden(
    model: Any, hidden: torch.Tensor, batch: ModelBatch, readout: Readout
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `sampled_logprobs`, from the model's last hidden states of the batch, (R, T, hidden)."""
    states = hidden.flatten(0, 1)[batch.predictors]  # (P, hidden)
    return read_out(model.lm_head, states, batch.predicted, batch.targets, readout)


def _attention(model: Any, batch: ModelBatch) -> torch.Tensor:
    if batch.ends is None:
        return batch.attention_mask
    import torch

    mask = batch.tree_mask()
    if model.config.get_text_config()._attn_implementation != "eager":
        return mask
    dtype = model.dtype  # eager attention adds its mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


def read_out(
    head: Any,
    states: torch.Tensor,
    predicted: torch.Tensor,
    targets: torch.Tensor,
    readout: Readout,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies from hidden states, never all logits at once.

    With more than `Readout.chunk` logits the states go through the head in parts, whose logits are
    computed again for the gradient.

    Args:
        head: The language model's head.
        states: Hidden states that predict, (P, hidden).
        predicted: Which of them predicts each token, (N,), int64.
        targets: The tokens, (N,), int64.
        readout: How.

    Returns:
        As `sampled_logprobs`.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    vocabulary = head.weight.shape[0]
    size = max(1, readout.chunk // vocabulary)
    if len(states) <= size:
        return _part(head, states, predicted, targets, readout)
    # Tokens in the order of their predictors, so that each part has a slice of them.
    ordered, order = predicted.sort(stable=True)
    starts = torch.arange(0, len(states), size, device=states.device)
    bounds = [*torch.searchsorted(ordered, starts).tolist(), len(order)]
    logp, entropy = [], []
    for number, start in enumerate(range(0, len(states), size)):
        tokens = slice(bounds[number], bounds[number + 1])
        values = checkpoint(
            _part,
            head,
            states[start : start + size],
            ordered[tokens] - start,
            targets[order[tokens]],
            readout,
            use_reentrant=False,
            preserve_rng_state=False,
        )
        logp.append(values[0])
        entropy.append(values[1])
    back = order.argsort()
    return torch.cat(logp)[back], torch.cat(entropy)[back]


def _part(
    head: Any,
    states: torch.Tensor,
    predicted: torch.Tensor,
    targets: torch.Tensor,
    readout: Readout,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `read_out`, all at once."""
    import torch

    logits = head(states).float()  # (P, vocab)
    bias = torch.zeros(logits.shape[-1], device=logits.device)
    bias[torch.tensor(readout.banned, dtype=torch.long, device=logits.device)] = BAN_BIAS
    logits = logits + bias
    if readout.temperature != 1.0:
        logits = logits / readout.temperature
    log_probs = logits.log_softmax(-1)
    chosen = log_probs[predicted, targets]
    if readout.entropy == "none":
        return chosen, torch.zeros_like(chosen)
    known = log_probs if readout.entropy == "gradient" else log_probs.detach()
    entropy = -(known.exp() * known).sum(-1)
    return chosen, entropy[predicted]
