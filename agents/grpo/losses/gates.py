"""Losses with one ratio a token and another gate than the clip: cispo, sapo, dppo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.grpo.losses.base import LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.losses.clipped import ratio_of
from agents.grpo.losses.parts import alike, by_sequence, finish

if TYPE_CHECKING:
    import torch

    from agents.grpo.losses.base import LossParts

DPPO_RATIO_MAX = 20.0
"""Largest ratio in dppo, as in its released code (arXiv 2602.04879, Section 5.4)."""


@LOSS_TYPES.register("cispo")
def cispo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """REINFORCE with a capped weight: no token loses its gradient (CISPO, arXiv 2506.13585).

    L = -1/(sum_i |o_i|) sum_i sum_t sg[min(r, 1 + eps_high)] A_i log p. There is no lower bound, as
    in the paper's runs. TRL's `epsilon_high` is the largest weight itself: its 5.0 is 4.0 here.
    """
    ratio, high = ratio_of(batch, config).detach(), 1.0 + config.upper
    gain = ratio.clamp(max=high) * batch.token_advantages * batch.logp
    metrics = {"cispo_clip_ratio": ((ratio > high) & (batch.token_advantages > 0)).float()}
    return finish(batch, config, gain, alike(batch, size.tokens), metrics)


@LOSS_TYPES.register("sapo")
def sapo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """A sigmoid in place of the clip (SAPO, arXiv 2511.20347).

    L = -1/S sum_i 1/|o_i| sum_t f(r) A_i, f(r) = 4/tau sigmoid(tau (r - 1)), tau of its own where
    A > 0 and where it is not.
    """
    ratio, advantage = ratio_of(batch, config), batch.token_advantages
    tau = advantage.new_tensor(config.sapo_temperature_pos).where(
        advantage > 0, advantage.new_tensor(config.sapo_temperature_neg)
    )
    gain = 4.0 / tau * (tau * (ratio - 1.0)).sigmoid() * advantage
    return finish(batch, config, gain, by_sequence(batch, size))


@LOSS_TYPES.register("dppo")
def dppo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """A bound on how far a token's probability moves, not on its ratio (DPPO, arXiv 2602.04879).

    L = -1/(sum_i |o_i|) sum_i sum_t M sg[min(r, 20)] A_i log p. M is 0 where the step would lead
    further away and the divergence of (token, all others) exceeds `epsilon_high` (upwards) or
    `epsilon` (downwards): |p - p_old| (binary TV), or p_old log(p_old/p) + (1 - p_old)
    log((1 - p_old)/(1 - p)) (binary KL).
    """
    logp, old = batch.logp.detach(), batch.old_logp
    away = _divergence(logp.exp(), old.exp(), logp - old, config.dppo_divergence)
    good, up = batch.token_advantages > 0, logp > old
    too_far = (good & up & (away > config.upper)) | (~good & ~up & (away > config.epsilon))
    ratio = batch.log_ratio.detach().exp().clamp(max=DPPO_RATIO_MAX)
    gain = (~too_far) * ratio * batch.token_advantages * batch.logp
    metrics = {
        "clip_ratio/low_mean": (too_far & ~good).float(),
        "clip_ratio/high_mean": (too_far & good).float(),
    }
    return finish(batch, config, gain, alike(batch, size.tokens), metrics)


def _divergence(
    p: torch.Tensor, old: torch.Tensor, log_ratio: torch.Tensor, kind: str
) -> torch.Tensor:
    """Divergence of the old from the new distribution over (token, all others), (N,)."""
    if kind == "tv":
        return (p - old).abs()
    rest = ((1.0 - old + 1e-8) / (1.0 - p + 1e-8)).log()
    return -old * log_ratio + (1.0 - old) * rest
