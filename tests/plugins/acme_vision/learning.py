"""An objective and an advantage estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents import ADVANTAGE_ESTIMATORS, LOSS_TYPES, BatchSize, LossConfig, TokenBatch


@LOSS_TYPES.register("acme_reinforce")
def acme_reinforce(batch: TokenBatch, size: BatchSize, config: LossConfig) -> Any:
    """REINFORCE without a ratio; measures how sure the policy was of what it sampled."""
    gain = (batch.logp * batch.advantages[batch.rows]).sum() / size.tokens
    return -gain, {"acme_sureness": batch.logp.detach().exp().sum()}


@ADVANTAGE_ESTIMATORS.register("acme_rloo")
def acme_rloo(rewards: Any, scale_rewards: str) -> Any:
    """Leave one out: the reward less the mean of the others."""
    known = np.isfinite(rewards).sum(axis=1, keepdims=True)
    others = (np.nansum(rewards, axis=1, keepdims=True) - rewards) / np.maximum(known - 1, 1)
    return rewards - others
