"""The GRPO objective; pure functions over tensors of sampled tokens.

Tensors are flat over the sampled tokens of a batch, N of them, with the row each belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vt_env.errors import ConfigError
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

if TYPE_CHECKING:
    import torch

LossType = Literal["grpo", "dapo", "dr_grpo"]
_UP_TO_100 = Numbers(0, 100)
LOSS_TYPES: tuple[LossType, ...] = ("grpo", "dapo", "dr_grpo")


@dataclass(frozen=True)
class LossConfig:
    """Settings of the objective; names are TRL's."""

    epsilon: float = setting(
        0.2, "Lower clip range of the ratio; GRPO takes less than 1.", _UP_TO_100
    )
    epsilon_high: float | None = setting(
        0.28, "Upper clip range of the ratio. None: as epsilon.", _UP_TO_100
    )
    beta: float = setting(
        0.02,
        "Weight of the KL term to the reference policy (k3 estimator); 0 leaves it out, and the "
        "turns that RL makes rare drift out of format.",
        Numbers(0, 1000),
    )
    loss_type: LossType = setting(
        "dapo",
        "grpo: mean over a sequence's tokens, then over sequences; dapo: mean over all tokens of "
        "the batch; dr_grpo: sum over tokens divided by sequences times max_completion_length.",
    )
    importance_sampling_level: Literal["token", "sequence"] = setting(
        "token", "What the ratio is of: token, or sequence (GSPO)."
    )
    max_completion_length: int = setting(64, "Divisor of dr_grpo, in tokens.", Numbers(1))
    vllm_importance_sampling_correction: bool = setting(
        True, "Weigh tokens by trainer over engine probability."
    )
    vllm_importance_sampling_cap: float = setting(
        2.0, "Largest such weight.", Numbers(0, 1e6, above=True)
    )
    entropy_coef: float = setting(0.0, "Weight of an entropy bonus.", Numbers(0, 1000))

    def __post_init__(self) -> None:
        if self.loss_type not in LOSS_TYPES:
            raise ConfigError(f"loss_type is one of {LOSS_TYPES}, got {self.loss_type!r}.")
        if self.importance_sampling_level not in ("token", "sequence"):
            raise ConfigError("importance_sampling_level is 'token' or 'sequence'.")
        check_fields(self)


@dataclass(frozen=True)
class TokenBatch:
    """The sampled tokens of a batch of B sequences.

    Attributes:
        logp: Log-probs under the policy being trained, with gradient, (N,).
        old_logp: Log-probs under the policy that the update started from, (N,).
        sampler_logp: Log-probs that the engine reported, (N,).
        advantages: Advantage of each sequence, (B,).
        rows: Sequence that each token belongs to, (N,), int64.
        entropy: Entropy of the distribution at each token, in nats, (N,).
        ref_logp: Log-probs under the reference policy, (N,); None without a KL term.
    """

    logp: torch.Tensor
    old_logp: torch.Tensor
    sampler_logp: torch.Tensor
    advantages: torch.Tensor
    rows: torch.Tensor
    entropy: torch.Tensor
    ref_logp: torch.Tensor | None = None


def k3_kl(logp: torch.Tensor, ref_logp: torch.Tensor) -> torch.Tensor:
    """Per-token KL estimate to the reference, never negative (k3; VisionThink Eq. 3)."""
    delta = ref_logp - logp
    return delta.exp() - delta - 1.0


def token_weights(
    rows: torch.Tensor, sequences: int, tokens: int, config: LossConfig, lengths: torch.Tensor
) -> torch.Tensor:
    """Weight of each token in the loss, so that micro-batches add up to the whole batch's loss.

    Args:
        rows: Sequence that each token belongs to, (N,).
        sequences: Sequences of the whole batch, all micro-batches together.
        tokens: Sampled tokens of the whole batch.
        config: Holds `loss_type`.
        lengths: Sampled tokens of each sequence of this micro-batch, (B,).

    Returns:
        (N,), float32.
    """
    import torch

    if config.loss_type == "grpo":
        return 1.0 / (lengths[rows].float() * sequences)
    divisor = tokens if config.loss_type == "dapo" else sequences * config.max_completion_length
    return torch.full_like(rows, 1, dtype=torch.float32) / divisor


def policy_loss(
    batch: TokenBatch, weights: torch.Tensor, config: LossConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Clipped surrogate with optional KL and entropy terms.

    Args:
        batch: The tokens.
        weights: From `token_weights`, (N,).
        config: The settings.

    Returns:
        A scalar to be minimised, and sums over tokens (weighted alike) for the metrics.
    """
    import torch

    log_ratio = batch.logp - batch.old_logp  # (N,)
    if config.importance_sampling_level == "sequence":
        log_ratio = _sequence_mean(log_ratio, batch.rows, len(batch.advantages))[batch.rows]
    ratio = log_ratio.exp()
    high = config.epsilon if config.epsilon_high is None else config.epsilon_high
    advantage = batch.advantages[batch.rows]  # (N,)
    clipped = ratio.clamp(1.0 - config.epsilon, 1.0 + high)
    surrogate = torch.min(ratio * advantage, clipped * advantage)
    mismatch = (batch.old_logp - batch.sampler_logp).exp()
    if config.vllm_importance_sampling_correction:
        surrogate = surrogate * mismatch.clamp(max=config.vllm_importance_sampling_cap).detach()
    loss = -(surrogate * weights).sum()
    sums = {
        "clip_ratio/low_mean": ((ratio < 1.0 - config.epsilon) & (advantage < 0)).float(),
        "clip_ratio/high_mean": ((ratio > 1.0 + high) & (advantage > 0)).float(),
        "entropy": batch.entropy.detach(),
        "sampling/importance_sampling_ratio": mismatch.detach(),
    }
    if config.entropy_coef:
        loss = loss - config.entropy_coef * (batch.entropy * weights).sum()
    if batch.ref_logp is not None:
        kl = k3_kl(batch.logp, batch.ref_logp)
        loss = loss + config.beta * (kl * weights).sum()
        sums["kl"] = kl.detach()
    return loss, {name: value.sum() for name, value in sums.items()}


def _sequence_mean(values: torch.Tensor, rows: torch.Tensor, sequences: int) -> torch.Tensor:
    import torch

    total = torch.zeros(sequences, dtype=values.dtype).index_add(0, rows, values)
    count = torch.zeros(sequences, dtype=values.dtype).index_add(0, rows, torch.ones_like(values))
    return total / count.clamp(min=1.0)
