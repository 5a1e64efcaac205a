"""The GRPO objective; pure functions over tensors of sampled tokens.

Tensors are flat over the sampled tokens of a batch, N of them, with the row each belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from judges import Registry, check_parameters
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

if TYPE_CHECKING:
    import torch

    LossParts = tuple[torch.Tensor, dict[str, torch.Tensor]]
    """A scalar to be minimised, and sums over tokens for the metrics, by name."""
    LossType = Callable[["TokenBatch", "BatchSize", "LossConfig"], LossParts]
    """``loss(batch, size, config) -> parts``; losses of micro-batches must add up."""

LOSS_TYPES: Registry[LossType] = Registry("loss_type")
"""Objectives by name."""
_UP_TO_100 = Numbers(0, 100)


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
    loss_type: str = setting(
        "dapo",
        "grpo: mean over a sequence's tokens, then over sequences; dapo: mean over all tokens of "
        "the batch; dr_grpo: sum over tokens divided by sequences times max_completion_length; or "
        "one of one's own.",
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
        check_fields(self)
        loss = LOSS_TYPES.find(self.loss_type)
        check_parameters(f"loss_type {self.loss_type!r}", loss, (), positional=3)


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

    @property
    def lengths(self) -> torch.Tensor:
        """Sampled tokens of each sequence, (B,), int64."""
        import torch

        return torch.bincount(self.rows, minlength=len(self.advantages))


@dataclass(frozen=True)
class BatchSize:
    """How large the whole batch is, all micro-batches together.

    Attributes:
        sequences: Its sequences.
        tokens: Its sampled tokens.
    """

    sequences: int
    tokens: int


def k3_kl(logp: torch.Tensor, ref_logp: torch.Tensor) -> torch.Tensor:
    """Per-token KL estimate to the reference, never negative (k3; VisionThink Eq. 3)."""
    delta = ref_logp - logp
    return delta.exp() - delta - 1.0


@LOSS_TYPES.register("grpo")
def grpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Mean over a sequence's tokens, then over sequences (GRPO, DeepSeekMath)."""
    return policy_loss(batch, 1.0 / (batch.lengths[batch.rows].float() * size.sequences), config)


@LOSS_TYPES.register("dapo")
def dapo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Mean over all tokens of the batch (DAPO)."""
    return policy_loss(batch, _alike(batch, size.tokens), config)


@LOSS_TYPES.register("dr_grpo")
def dr_grpo_loss(batch: TokenBatch, size: BatchSize, config: LossConfig) -> LossParts:
    """Sum over tokens by sequences times `max_completion_length` (Dr. GRPO)."""
    return policy_loss(batch, _alike(batch, size.sequences * config.max_completion_length), config)


def _alike(batch: TokenBatch, divisor: int) -> torch.Tensor:
    """The same weight for every token, (N,), float32."""
    import torch

    return torch.full_like(batch.rows, 1, dtype=torch.float32) / divisor


def policy_loss(batch: TokenBatch, weights: torch.Tensor, config: LossConfig) -> LossParts:
    """Clipped surrogate with optional KL and entropy terms.

    Args:
        batch: The tokens.
        weights: Weight of each token, (N,), such that those of all micro-batches add up.
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
