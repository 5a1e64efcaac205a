"""Objectives of GRPO: pure functions over tensors of sampled tokens, a file a family.

Tensors are flat over the sampled tokens of a batch, N of them, with the row each belongs to.
Nothing here loads torch by itself.
"""

from agents.grpo.losses.base import LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.losses.clipped import bnpo_loss, dapo_loss, dr_grpo_loss, grpo_loss, policy_loss
from agents.grpo.losses.gates import cispo_loss, dppo_loss, sapo_loss
from agents.grpo.losses.parts import kl_to_reference, mismatch_weights, on_policy_mask
from agents.grpo.losses.sequences import (
    gmpo_loss,
    gspo_loss,
    gspo_token_loss,
    luspo_loss,
    vespo_loss,
)

__all__ = [
    "LOSS_TYPES",
    "BatchSize",
    "LossConfig",
    "TokenBatch",
    "bnpo_loss",
    "cispo_loss",
    "dapo_loss",
    "dppo_loss",
    "dr_grpo_loss",
    "gmpo_loss",
    "grpo_loss",
    "gspo_loss",
    "gspo_token_loss",
    "kl_to_reference",
    "luspo_loss",
    "mismatch_weights",
    "on_policy_mask",
    "policy_loss",
    "sapo_loss",
    "vespo_loss",
]
