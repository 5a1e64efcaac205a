"""What a loss is: its registry, its settings, the tokens and the batch that it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from judges import Registry, check_parameters
from vt_env import ConfigError
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
LOG_LIMIT = 20.0
"""Largest log of a ratio or a weight, in nats, so that none overflows; as verl has it."""
_UP_TO_100 = Numbers(0, 100)
_ABOVE_0 = Numbers(0, 100, above=True)
_WEIGHT = Numbers(0, 1e6, above=True)


@dataclass(frozen=True)
class LossConfig:
    """Settings of the objective; names are TRL's."""

    epsilon: float = setting(
        0.2,
        "Lower clip range of the ratio; GRPO takes less than 1. gmpo: of the log-ratio; dppo: the "
        "largest divergence of a token that gets less likely.",
        _UP_TO_100,
    )
    epsilon_high: float | None = setting(
        0.28,
        "Upper clip range of the ratio; gmpo and dppo as for epsilon; cispo: 1 + epsilon_high is "
        "the largest weight. None: as epsilon.",
        _UP_TO_100,
    )
    beta: float = setting(
        0.02,
        "Weight of the KL term to the reference policy; 0 leaves it out, and the turns that RL "
        "makes rare drift out of format.",
        Numbers(0, 1000),
    )
    kl_estimator: Literal["k1", "k2", "k3"] = setting(
        "k3",
        "What is taken for that KL, a token: k1, the difference of the log-probs; k2, half of its "
        "square; k3, never negative, clamped at 10.",
    )
    loss_type: str = setting(
        "dapo",
        "grpo, dr_grpo, dapo, bnpo (one ratio a token, clipped; they differ in what is divided "
        "by), gspo, gspo_token, luspo, gmpo, vespo (one ratio a sequence), cispo, sapo, dppo "
        "(other gates than the clip), or one of one's own. docs/grpo.md compares them.",
    )
    importance_sampling_level: Literal["token", "sequence"] = setting(
        "token",
        "What the ratio of grpo, dr_grpo, dapo, bnpo, cispo and sapo is of: token, or sequence; "
        "the others have one of their own.",
    )
    max_completion_length: int = setting(64, "Divisor of dr_grpo, in tokens.", Numbers(1))
    vllm_importance_sampling_correction: bool = setting(
        True, "Weigh tokens by trainer over engine probability."
    )
    vllm_importance_sampling_mode: Literal[
        "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"
    ] = setting(
        "sequence_mask",
        "What the weight is of, a token or all tokens of a sequence, and what happens to one out "
        "of bounds: truncate sets it to the bound, mask to 0. IcePop is token_mask from 0.5 to 5.",
    )
    vllm_importance_sampling_clip_max: float | None = setting(
        3.0, "Upper bound of such weights. None: no bound.", _WEIGHT
    )
    vllm_importance_sampling_clip_min: float | None = setting(
        None, "Lower bound of such weights. None: no bound.", _WEIGHT
    )
    off_policy_mask_threshold: float | None = setting(
        None,
        "Sequences with a negative advantage are left out where the engine's log-probs exceed the "
        "policy's by more than this, as a mean over tokens in nats. None: none are.",
        _ABOVE_0,
    )
    sapo_temperature_pos: float = setting(
        1.0, "Of sapo: how steep the gate is where the advantage is positive.", _ABOVE_0
    )
    sapo_temperature_neg: float = setting(
        1.05, "Of sapo: how steep the gate is where it is not.", _ABOVE_0
    )
    vespo_k_pos: float = setting(
        2.0, "Of vespo: power of the ratio where the advantage is not negative.", _UP_TO_100
    )
    vespo_lambda_pos: float = setting(3.0, "Of vespo: decay with the ratio there.", _ABOVE_0)
    vespo_k_neg: float = setting(
        3.0, "Of vespo: power of the ratio where the advantage is negative.", _UP_TO_100
    )
    vespo_lambda_neg: float = setting(2.0, "Of vespo: decay with the ratio there.", _ABOVE_0)
    dppo_divergence: Literal["tv", "kl"] = setting(
        "tv",
        "Of dppo: which divergence of the token against all others is bounded, total variation "
        "or KL.",
    )
    entropy_coef: float = setting(0.0, "Weight of an entropy bonus.", Numbers(0, 1000))

    def __post_init__(self) -> None:
        check_fields(self)
        loss = LOSS_TYPES.find(self.loss_type)
        check_parameters(f"loss_type {self.loss_type!r}", loss, (), positional=3)
        low, high = self.vllm_importance_sampling_clip_min, self.vllm_importance_sampling_clip_max
        if low is not None and high is not None and low > high:
            raise ConfigError(
                f"vllm_importance_sampling_clip_min ({low:g}) must not exceed "
                f"vllm_importance_sampling_clip_max ({high:g})."
            )

    @property
    def upper(self) -> float:
        """The upper clip range: `epsilon_high`, else `epsilon`."""
        return self.epsilon if self.epsilon_high is None else self.epsilon_high


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
        turn_advantages: Advantage of each token's turn, (N,); None: that of its sequence.
    """

    logp: torch.Tensor
    old_logp: torch.Tensor
    sampler_logp: torch.Tensor
    advantages: torch.Tensor
    rows: torch.Tensor
    entropy: torch.Tensor
    ref_logp: torch.Tensor | None = None
    turn_advantages: torch.Tensor | None = None

    @property
    def lengths(self) -> torch.Tensor:
        """Sampled tokens of each sequence, (B,), int64."""
        return self.rows.bincount(minlength=len(self.advantages))

    @property
    def token_advantages(self) -> torch.Tensor:
        """Advantage of each token, (N,): that of its turn where turns have their own."""
        if self.turn_advantages is not None:
            return self.turn_advantages
        return self.advantages[self.rows]

    @property
    def log_ratio(self) -> torch.Tensor:
        """Log-probs less the old ones, (N,), with gradient; at most 20 nats either way.

        From there on there is no gradient: exp would overflow, and clipped tokens become NaN.
        """
        return (self.logp - self.old_logp).clamp(-LOG_LIMIT, LOG_LIMIT)

    def sequence_sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of values of tokens (N,) over each sequence, (B,)."""
        return values.new_zeros(len(self.advantages)).index_add(0, self.rows, values)

    def sequence_mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean of values of tokens (N,) over each sequence, (B,); 0 without tokens."""
        return self.sequence_sum(values) / self.lengths.clamp(min=1)


@dataclass(frozen=True)
class BatchSize:
    """How large the whole batch is, all micro-batches and learners together.

    It counts what has an advantage and is not masked, a flat group's sequences too: what is divided
    by must not depend on whether there is a KL term.

    Attributes:
        sequences: Its sequences.
        tokens: Its sampled tokens.
    """

    sequences: int
    tokens: int
