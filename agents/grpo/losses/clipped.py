"""The clipped surrogate of GRPO, and what it is divided by: grpo, dr_grpo, dapo, bnpo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.grpo.losses.base import LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.losses.parts import alike, by_sequence, finish

if TYPE_CHECKING:
    import torch

    from agents.grpo.losses.base import LossParts


@LOSS_TYPES.register("grpo")
def grpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Mean over a sequence's tokens, then over sequences (DeepSeekMath, arXiv 2402.03300, Eq. 3).

    L = -1/S sum_i 1/|o_i| sum_t min(r A_i, clip(r, 1 - eps, 1 + eps_high) A_i), r = p / p_old.
    """
    return policy_loss(batch, by_sequence(batch, size), config)


@LOSS_TYPES.register("dapo")
def dapo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Mean over all tokens of the batch (DAPO, arXiv 2503.14476, Eq. 8).

    L = -1/(sum_i |o_i|) sum_i sum_t min(r A_i, clip(r, 1 - eps, 1 + eps_high) A_i).
    """
    return policy_loss(batch, alike(batch, size.tokens), config)


@LOSS_TYPES.register("dr_grpo")
def dr_grpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Sum over tokens by sequences times a constant (Dr. GRPO, arXiv 2503.20783).

    L = -1/(S max_completion_length) sum_i sum_t min(r A_i, clip(r, 1 - eps, 1 + eps_high) A_i).
    """
    return policy_loss(batch, alike(batch, size.sequences * config.max_completion_length), config)


@LOSS_TYPES.register("bnpo")
def bnpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Mean over the tokens of each micro-batch, by its share of the sequences (as TRL's bnpo).

    L = -sum_m S_m/S 1/(tokens of m) sum_(i in m) sum_t min(r A_i, clip(...) A_i): grpo at one
    sequence a micro-batch, dapo at one micro-batch.
    """
    local = max(1, len(batch.rows)) * size.sequences
    return policy_loss(batch, alike(batch, local / max(1, len(batch.advantages))), config)


def policy_loss(batch: TokenBatch, weights: torch.Tensor, config: LossConfig) -> LossParts:
    """Clipped surrogate with optional KL and entropy terms.

    Args:
        batch: The tokens.
        weights: Weight of each token, (N,), such that those of all micro-batches add up.
        config: The settings.

    Returns:
        A scalar to be minimised, and sums over tokens (weighted alike) for the metrics.
    """
    return clipped(batch, weights, config, ratio_of(batch, config))


def ratio_of(batch: TokenBatch, config: LossConfig) -> torch.Tensor:
    """The ratio p / p_old of each token, or the geometric mean of those of its sequence, (N,)."""
    if config.importance_sampling_level == "sequence":
        return batch.sequence_mean(batch.log_ratio).exp()[batch.rows]
    return batch.log_ratio.exp()


def clipped(
    batch: TokenBatch, weights: torch.Tensor, config: LossConfig, ratio: torch.Tensor
) -> LossParts:
    """The loss of PPO's one-sided clip for a given ratio of each token, (N,)."""
    low, high = 1.0 - config.epsilon, 1.0 + config.upper
    advantage = batch.token_advantages
    gain = (ratio * advantage).minimum(ratio.clamp(low, high) * advantage)
    metrics = {
        "clip_ratio/low_mean": ((ratio < low) & (advantage < 0)).float(),
        "clip_ratio/high_mean": ((ratio > high) & (advantage > 0)).float(),
    }
    return finish(batch, config, gain, weights, metrics)
