"""`GRPOTorchLearner`: one optimiser step on a batch of trajectories, micro-batch by micro-batch."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from agents.grpo.batching import Collator, ModelBatch
from agents.grpo.loss import LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.optimizer import register_adamw
from agents.models.vision import VisionProcessor
from agents.rollouts.trajectory import Trajectory
from judges import load_plugins

if TYPE_CHECKING:
    import torch

TRAJECTORIES = "trajectories"
OBJECTIVE = "objective"
"""Key of what the loss function measures, by name, in a learner's results: means over tokens."""


class TrajectoriesToBatch(ConnectorV2):
    """The whole learner pipeline: trajectories stay whole, as one column of objects."""

    def __call__(self, *, episodes: Sequence[Trajectory], **_kwargs: Any) -> dict[str, Any]:
        """Puts the trajectories into a single object column."""
        column = np.empty(len(episodes), dtype=object)
        column[:] = list(episodes)
        return {DEFAULT_MODULE_ID: {TRAJECTORIES: column}}


class GRPOTorchLearner(TorchLearner):
    """Computes the GRPO loss on ragged multi-turn trajectories."""

    def build(self) -> None:
        """Builds module and optimiser, and the collator."""
        load_plugins(self.config.plugins)
        super().build()
        module = self._vlm_module()
        vision = VisionProcessor(self.config.model_dir)
        self._collate = Collator(vision, module.encoder.pad, module.encoder.image_pad)
        self._old_logp: dict[int, torch.Tensor] = {}

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """AdamW, as the settings have it; RLlib's own is Adam."""
        register_adamw(self, module_id, config)

    def _vlm_module(self) -> Any:
        module = self.module[DEFAULT_MODULE_ID]
        return getattr(module, "module", module)  # inside DistributedDataParallel

    def _update(
        self, batch: dict[str, Any], **_kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor], dict[str, Any]]:
        import torch

        config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        trajectories = [t for t in batch[DEFAULT_MODULE_ID][TRAJECTORIES] if _counts(t, config)]
        for optimizer in self._optimizer_parameters:
            optimizer.zero_grad(set_to_none=True)
        size = config.micro_batch_size or max(1, len(trajectories))
        # Neighbours in length share a micro-batch, so that little of it is padding.
        trajectories.sort(key=lambda t: (len(t.ids), t.sample_id))
        chunks = [trajectories[i : i + size] for i in range(0, len(trajectories), size)]
        tokens = sum(sum(t.mask) for t in trajectories)
        total, sums = torch.zeros(()), dict[str, torch.Tensor]()
        for number, chunk in enumerate(chunks):
            with self._gradient_sync(last=number == len(chunks) - 1):
                loss, parts = self._micro_step(chunk, len(trajectories), tokens, config)
            total = total + loss
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
        if chunks:
            gradients = {ref: p.grad for ref, p in self._params.items() if p.grad is not None}
            self.apply_gradients(self.postprocess_gradients(gradients))
        for name, value in sums.items():
            mean = float(value) / tokens
            self.metrics.log_value((DEFAULT_MODULE_ID, OBJECTIVE, name), mean, window=1)
        self.metrics.log_value((DEFAULT_MODULE_ID, "tokens"), tokens, window=1)
        return {}, {DEFAULT_MODULE_ID: total}, {}

    def _micro_step(
        self, chunk: list[Trajectory], sequences: int, tokens: int, config: Any
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Forward and backward of one micro-batch; gradients add up."""
        module = self.module[DEFAULT_MODULE_ID]
        batch = self._collate(chunk)
        out = module.forward_train({"model_batch": batch})
        loss_config: LossConfig = config.loss_config()
        token_batch = TokenBatch(
            logp=out["logp"],
            old_logp=self._old_logprobs(chunk, batch, out["logp"], config),
            sampler_logp=batch.sampler_logp,
            advantages=batch.advantages,
            rows=batch.rows,
            entropy=out["entropy"],
            ref_logp=self._vlm_module().reference_logprobs(batch),
        )
        objective = LOSS_TYPES.find(loss_config.loss_type)
        loss, sums = objective(token_batch, BatchSize(sequences, tokens), loss_config)
        loss.backward()
        return loss.detach(), sums

    def _old_logprobs(
        self, chunk: list[Trajectory], batch: ModelBatch, logp: torch.Tensor, config: Any
    ) -> torch.Tensor:
        """Log-probs before the first step on these trajectories; kept while they are reused."""
        import torch

        if config.num_iterations == 1 and config.minibatch_size is None:
            return logp.detach()
        kept = [self._old_logp.get(id(t)) for t in chunk]
        if any(values is None for values in kept):
            parts = logp.detach().split(torch.bincount(batch.rows, minlength=len(chunk)).tolist())
            self._old_logp.update(zip(map(id, chunk), parts, strict=True))
            return logp.detach()
        return torch.cat([values for values in kept if values is not None])

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Forgets the log-probs of trajectories that are not used again."""
        super().after_gradient_based_update(timesteps=timesteps)
        self._old_logp.clear()

    def _gradient_sync(self, *, last: bool) -> contextlib.AbstractContextManager[None]:
        module = self.module[DEFAULT_MODULE_ID]
        if last or not hasattr(module, "no_sync"):
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[None] = module.no_sync()
        return context

    def compute_loss_for_module(self, **_kwargs: Any) -> torch.Tensor:
        """Not used: the loss is computed a micro-batch at a time in `_update`."""
        raise NotImplementedError("GRPOTorchLearner computes its loss in _update.")


def _counts(trajectory: Trajectory, config: Any) -> bool:
    """Whether a trajectory takes part in the loss.

    Episodes that the judge abstained on have no advantage; those with none to speak of (a group
    whose rewards are all equal) have no gradient either, unless a KL or entropy term wants them.
    """
    if trajectory.advantage is None:
        return False
    if config.mask_truncated_completions and trajectory.ending == "cut_off":
        return False
    return abs(trajectory.advantage) > 1e-9 or config.beta > 0 or config.entropy_coef > 0
