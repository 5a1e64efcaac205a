"""What losses are put together of: weights of tokens, corrections, the KL term, metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agents.grpo.losses.base import LOG_LIMIT, BatchSize, LossConfig, TokenBatch

if TYPE_CHECKING:
    import torch

    from agents.grpo.losses.base import LossParts

KL_CLAMP = 10.0
"""Largest k3, in nats; as verl has it."""


def kl_to_reference(
    logp: torch.Tensor, ref_logp: torch.Tensor, estimator: str = "k3"
) -> torch.Tensor:
    """Estimates of KL(policy || reference), a token.

    With d = log p_ref - log p: k1 = -d, k2 = d^2 / 2, k3 = exp(d) - d - 1 (Schulman, "Approximating
    KL divergence", 2020; k3 is VisionThink Eq. 3). k3 and its gradient grow with exp(d), so d is
    clamped to +-20 and k3 to 10, as verl does: from there on it has no gradient.

    Args:
        logp: Log-probs under the policy, (N,).
        ref_logp: Log-probs under the reference, (N,).
        estimator: ``"k1"``, ``"k2"`` or ``"k3"``.

    Returns:
        Nats, (N,).
    """
    delta = ref_logp - logp
    if estimator == "k1":
        return -delta
    if estimator == "k2":
        return 0.5 * delta.square()
    delta = delta.clamp(-LOG_LIMIT, LOG_LIMIT)
    return (delta.exp() - delta - 1.0).clamp(max=KL_CLAMP)


def mismatch_weights(batch: TokenBatch, config: LossConfig) -> torch.Tensor:
    """Weight of each token for being sampled by the engine rather than by the trainer, (N,).

    w = p_old / p_engine of the token, or their product over its sequence; w out of
    [clip_min, clip_max] becomes the bound (TIS, Yao et al. 2025) or 0 (MIS, and IcePop's two-sided
    mask, arXiv 2510.18855, with bounds 0.5 and 5 of tokens). Without gradient; 1 where the
    correction is off. Names are TRL 1.16's.
    """
    log_weight = (batch.old_logp - batch.sampler_logp).detach()
    if not config.vllm_importance_sampling_correction:
        return log_weight.new_ones(log_weight.shape)
    level, _, limit = config.vllm_importance_sampling_mode.partition("_")
    if level == "sequence":
        log_weight = batch.sequence_sum(log_weight)[batch.rows]
    weight = log_weight.clamp(max=LOG_LIMIT).exp()
    low = config.vllm_importance_sampling_clip_min or 0.0
    high = config.vllm_importance_sampling_clip_max or math.inf
    if limit == "truncate":
        return weight.clamp(low, high)
    return weight * ((weight >= low) & (weight <= high))


def on_policy_mask(batch: TokenBatch, config: LossConfig) -> torch.Tensor:
    """Which tokens stay: not those of bad sequences that the policy has moved away from, (N,).

    Kept is a sequence with A >= 0 or mean_t(log p_engine - log p) <= delta (DeepSeek-V3.2, arXiv
    2512.02556, Eq. 9); all are without a threshold.
    """
    gap = batch.sequence_mean((batch.sampler_logp - batch.logp).detach())
    if config.off_policy_mask_threshold is None:
        return gap.new_ones(len(batch.rows))
    kept = (batch.advantages >= 0) | (gap <= config.off_policy_mask_threshold)
    return kept[batch.rows].to(gap.dtype)


def alike(batch: TokenBatch, divisor: float) -> torch.Tensor:
    """The same weight for every token, (N,)."""
    return batch.logp.new_full(batch.logp.shape, 1.0 / divisor)


def by_sequence(batch: TokenBatch, size: BatchSize) -> torch.Tensor:
    """Weights that make the mean over a sequence's tokens, then over sequences, (N,)."""
    return 1.0 / (batch.lengths[batch.rows].to(batch.logp.dtype) * size.sequences)


def finish(
    batch: TokenBatch,
    config: LossConfig,
    gain: torch.Tensor,
    weights: torch.Tensor,
    metrics: dict[str, torch.Tensor] | None = None,
    corrected: bool = False,
) -> LossParts:
    """Makes a loss of what each token gains: corrections, KL and entropy terms, and metrics.

    Args:
        batch: The tokens.
        config: The settings.
        gain: What is to be maximised of each token, (N,), with gradient.
        weights: Weight of each token, (N,), such that those of all micro-batches add up.
        metrics: Of each token, (N,), by name.
        corrected: Whether `gain` holds the engine's mismatch already.

    Returns:
        A scalar to be minimised, and sums over tokens (weighted alike) for the metrics.
    """
    mismatch = mismatch_weights(batch, config)
    on_policy = on_policy_mask(batch, config)
    gain = gain * on_policy * (1.0 if corrected else mismatch)
    loss = -(gain * weights).sum()
    sums = {
        **(metrics or {}),
        "entropy": batch.entropy.detach(),
        **_mismatch_metrics(batch, mismatch),
    }
    if config.off_policy_mask_threshold is not None:
        sums["sampling/off_policy_masked"] = 1.0 - on_policy
    if config.entropy_coef:
        loss = loss - config.entropy_coef * (batch.entropy * weights).sum()
    if batch.ref_logp is not None:
        kl = kl_to_reference(batch.logp, batch.ref_logp, config.kl_estimator)
        loss = loss + config.beta * (kl * weights).sum()
        sums["kl"] = kl.detach()
    return loss, {name: value.sum() for name, value in sums.items()}


def _mismatch_metrics(batch: TokenBatch, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """How far engine and trainer are apart: KL(engine || trainer) as k3, ratio, weights of 0."""
    log_ratio = (batch.old_logp - batch.sampler_logp).detach()
    ratio = log_ratio.clamp(max=LOG_LIMIT).exp()
    return {
        "sampling/importance_sampling_ratio": ratio,
        "sampling/mismatch_kl": ratio - log_ratio - 1.0,
        "sampling/sampling_logp_difference": log_ratio.abs(),
        "sampling/masked": (weights == 0).to(ratio.dtype),
    }
