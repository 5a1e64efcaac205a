"""Losses with one ratio a sequence: gspo, gspo_token, luspo, gmpo, vespo."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agents.grpo.losses.base import LOG_LIMIT, LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.losses.clipped import clipped
from agents.grpo.losses.parts import alike, by_sequence, finish, mismatch_weights

if TYPE_CHECKING:
    import torch

    from agents.grpo.losses.base import LossParts

ONE_ADVANTAGE = ("gspo", "luspo", "gmpo", "vespo")
"""Losses in which a sequence has one advantage, whatever its tokens."""
_LOG_SMALL = math.log(1e-8)
"""Smallest log of vespo's ratio, as in its released code."""


@LOSS_TYPES.register("gspo")
def gspo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """One ratio a sequence, clipped whole (GSPO, arXiv 2507.18071).

    L = -1/S sum_i min(s_i A_i, clip(s_i, 1 - eps, 1 + eps_high) A_i),
    s_i = exp(1/|o_i| sum_t log(p / p_old)). The paper clips at 3e-4 and 4e-4.
    """
    ratio = batch.sequence_mean(batch.log_ratio).exp()[batch.rows]
    return clipped(batch, by_sequence(batch, size), config, ratio)


@LOSS_TYPES.register("gspo_token")
def gspo_token_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """GSPO's ratio as a factor of each token's own gradient (GSPO-token, arXiv 2507.18071).

    L = -1/S sum_i 1/|o_i| sum_t min(s_it A_i, clip(s_it, ...) A_i), s_it = sg[s_i] p / sg[p]:
    as gspo in value and gradient while all tokens of a sequence have its advantage.
    """
    whole = batch.sequence_mean(batch.log_ratio.detach())[batch.rows]
    ratio = (whole + batch.logp - batch.logp.detach()).exp()
    return clipped(batch, by_sequence(batch, size), config, ratio)


@LOSS_TYPES.register("luspo")
def luspo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """GSPO with each sequence weighed by its length (LUSPO, arXiv 2602.05261).

    L = -1/S sum_i |o_i| min(s_i A_i, clip(s_i, 1 - eps, 1 + eps_high) A_i), s_i as in gspo. The
    paper clips at 2e-3 and 2.5e-3. Steps are longer than gspo's by the mean length.
    """
    ratio = batch.sequence_mean(batch.log_ratio).exp()[batch.rows]
    return clipped(batch, alike(batch, size.sequences), config, ratio)


@LOSS_TYPES.register("gmpo")
def gmpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Geometric mean of ratios that are clipped one by one (GMPO, arXiv 2507.20673).

    L = -1/S sum_i A_i exp(1/|o_i| sum_t l_it), l = log(p / p_old), at most eps_high where A > 0
    and at least -eps elsewhere. The paper clips at 0.4, of the logarithm.
    """
    log_ratio, advantage = batch.log_ratio, batch.token_advantages
    gained = advantage > 0
    limited = log_ratio.clamp(max=config.upper).where(gained, log_ratio.clamp(min=-config.epsilon))
    ratio = batch.sequence_mean(limited).exp()[batch.rows]
    metrics = {
        "clip_ratio/low_mean": ((log_ratio < -config.epsilon) & (advantage < 0)).float(),
        "clip_ratio/high_mean": ((log_ratio > config.upper) & gained).float(),
    }
    return finish(batch, config, ratio * advantage, by_sequence(batch, size), metrics)


@LOSS_TYPES.register("vespo")
def vespo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """A smooth weight of the whole sequence's ratio (VESPO, arXiv 2602.10693, Section 3.4).

    L = -1/(sum_i |o_i|) sum_i sum_t sg[phi(W_i)] A_i log p, phi(W) = W^k exp(lambda (1 - W)),
    W_i = prod_t p / p_engine; k and lambda by the sign of A. The engine's mismatch is in W, after
    the limits of `vllm_importance_sampling_mode`.
    """
    log_w = batch.sequence_sum(batch.log_ratio.detach())
    log_w = (log_w + _log_mismatch(batch, config)).clamp(_LOG_SMALL, LOG_LIMIT)
    good = batch.advantages >= 0
    k = log_w.new_tensor(config.vespo_k_pos).where(good, log_w.new_tensor(config.vespo_k_neg))
    decay = log_w.new_tensor(config.vespo_lambda_pos).where(
        good, log_w.new_tensor(config.vespo_lambda_neg)
    )
    phi = (decay + k * log_w - decay * log_w.exp()).exp()[batch.rows]
    gain = phi * batch.token_advantages * batch.logp
    metrics = {"vespo/phi_seq_mean": phi}
    return finish(batch, config, gain, alike(batch, size.tokens), metrics, corrected=True)


def _log_mismatch(batch: TokenBatch, config: LossConfig) -> torch.Tensor:
    """Log of p_old / p_engine of each sequence, (B,), from the limited weights."""
    logs = mismatch_weights(batch, config).log().clamp(_LOG_SMALL, LOG_LIMIT)
    if config.vllm_importance_sampling_mode.startswith("token"):
        return batch.sequence_sum(logs)
    return batch.sequence_mean(logs)  # all tokens of a sequence have its weight
