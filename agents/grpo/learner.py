"""`GRPOTorchLearner`: optimiser steps on groups of trajectories, micro-batch by micro-batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch

from agents.grpo.freezing import changing
from agents.grpo.logprobs import Readout, refuses_trees
from agents.grpo.losses import LOSS_TYPES, BatchSize, LossConfig, TokenBatch
from agents.grpo.optimizer import register_adamw
from agents.grpo.packing.batching import Collator, Group, ModelBatch, Packed, Packing
from agents.grpo.packing.positions import Positions
from agents.grpo.ranks import largest, meet_on_loopback, sum_gradients, summed, summed_by_name
from agents.models.vision import VisionProcessor
from agents.rollouts.stopwatch import Stopwatch
from agents.rollouts.trajectory import Trajectory
from judges import load_plugins

if TYPE_CHECKING:
    import torch

    LogProbs = dict[int, tuple[torch.Tensor, torch.Tensor | None]]
    """Log-probs of trajectories before the first step, and under the reference, by identity."""

_log = logging.getLogger(__name__)
GROUPS = "groups"
OBJECTIVE = "objective"
"""Key of what the loss function measures, by name, in a learner's results: means over tokens."""
TIMING = "timing"
"""Key of the seconds that phases took, by name, in the results of `GRPO.train` and of a learner: of
this iteration alone. Of several learners, those of the slowest in each phase."""


def to_batch(groups: Sequence[Group]) -> dict[str, Any]:
    """Groups as what a learner's step takes: whole, in one column of objects."""
    column = np.empty(len(groups), dtype=object)
    column[:] = list(groups)
    return {DEFAULT_MODULE_ID: SampleBatch({GROUPS: column})}


class GRPOTorchLearner(TorchLearner):
    """Computes the GRPO loss on ragged multi-turn trajectories.

    Learners hold whole groups each. What a step divides by is counted over all of them and
    gradients are summed, so that any number of learners takes the step of one.
    """

    def __init__(self, **kwargs: Any) -> None:
        meet_on_loopback()  # they meet after this, and before `build`
        super().__init__(**kwargs)

    def build(self) -> None:
        """Builds module and optimiser, and the collator."""
        load_plugins(self.config.plugins)
        super().build()
        module = self.module[DEFAULT_MODULE_ID]
        vision, encoder = VisionProcessor(self.config.model_dir), module.encoder
        rope = Positions(module.vlm.model.get_rope_index, encoder.image_pad, vision.merge)
        self._collate = Collator(vision, encoder.pad, encoder.image_pad, rope)
        self._packing: Packing = self.config.packing
        reason = refuses_trees(module.vlm) if self._packing == "tree" else None
        if reason:
            self._packing = "padded"
            _log.warning(
                "%s cannot take prefix trees (%s): packing is 'padded', which computes what the "
                "episodes of a group share once each.",
                type(module.vlm).__name__,
                reason,
            )
        self._before: LogProbs = {}
        self._timed = Stopwatch()

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """AdamW, as the settings have it; RLlib's own is Adam."""
        register_adamw(self, module_id, config)

    def _make_modules_ddp_if_necessary(self) -> None:
        """No wrapper: gradients are summed once a step, after the last micro-batch."""

    def parameter_counts(self) -> tuple[int, int]:
        """Numbers that are trained, and all numbers of the policy."""
        parameters = list(self.module[DEFAULT_MODULE_ID].vlm.parameters())
        trained = sum(p.numel() for p in parameters if p.requires_grad)
        return trained, sum(p.numel() for p in parameters)

    def changing(self) -> tuple[str, ...]:
        """Names of the weights that engines have to take anew after a step."""
        return changing(self.module[DEFAULT_MODULE_ID].vlm)

    def get_parameters(self, module: Any) -> list[Any]:
        """The parameters that are trained."""
        return [parameter for parameter in module.parameters() if parameter.requires_grad]

    def _create_iterator_if_necessary(
        self,
        *,
        training_data: Any,
        num_epochs: int = 1,
        minibatch_size: int | None = None,
        **_kwargs: Any,
    ) -> Iterator[MultiAgentBatch]:
        """Every group once an epoch; the same number of steps on each learner.

        A group's step is told by its place in the iteration, so that a step holds the same groups
        whichever learners they are on.

        Args:
            training_data: Groups, as RLlib's episodes.
            num_epochs: Passes over them.
            minibatch_size: Trajectories a step, all learners together; whole groups, at least one.
        """
        groups: list[Group] = list(training_data.episodes)
        each = max(1, (minibatch_size or 0) // self.config.num_generations)
        step = {g.number: g.number // each if minibatch_size else 0 for g in groups}
        steps = 1 + int(largest([max(step.values(), default=0)], self._device)[0])
        if steps * num_epochs > 1:
            self._remember(groups)
        for _ in range(num_epochs):
            for number in range(steps):
                part = [group for group in groups if step[group.number] == number]
                yield MultiAgentBatch(to_batch(part), sum(g.env_steps() for g in part))

    def _remember(self, groups: Sequence[Group]) -> None:
        """Takes all log-probs that steps are measured by, before the first of them."""
        import torch

        config = self._own_config()
        readout = replace(self._readout(config), entropy="none")
        module = self.module[DEFAULT_MODULE_ID]
        for rows in self._micro_batches(groups, config):
            batch = self._model_batch(rows)
            with torch.no_grad(), self._timed("old_logprobs"):
                old = module.forward_logprobs(batch, readout)[0]
            self._keep(rows, batch, old, self._reference(batch, readout))

    def _keep(
        self, rows: list[Packed], batch: ModelBatch, old: Any, reference: torch.Tensor | None
    ) -> None:
        import torch

        counts = torch.bincount(batch.rows, minlength=len(batch.advantages)).tolist()
        members = [t for row in rows for t in row.members]
        parts: Any = [None] * len(members) if reference is None else reference.split(counts)
        for t, *values in zip(members, old.split(counts), parts, strict=True):
            self._before[id(t)] = (values[0], values[1])

    def _update(
        self, batch: dict[str, Any], **_kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor], dict[str, Any]]:
        """One optimiser step on the groups that all learners hold of it."""
        import torch

        config, groups = self._own_config(), list(batch[DEFAULT_MODULE_ID][GROUPS])
        counted = [t for group in groups for t in group.members if _counts(t, config)]
        work = self._micro_batches(groups, config)
        mine = (len(counted), sum(sum(t.mask) for t in counted), len(work))
        sequences, tokens, busy = (int(n) for n in summed(mine, self._device))
        for optimizer in self._optimizer_parameters:
            optimizer.zero_grad(set_to_none=True)
        total, sums = 0.0, dict[str, float]()
        for rows in work:
            loss, parts = self._micro_step(rows, BatchSize(sequences, tokens), config)
            total += loss
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
        if busy:  # on some learner: all take the step, or none
            with self._timed("gradients"):
                sum_gradients([p for p in self._params.values() if p.requires_grad])
            gradients = {ref: p.grad for ref, p in self._params.items() if p.grad is not None}
            with self._timed("step"):
                self.apply_gradients(self.postprocess_gradients(gradients))
        total = self._log_step(total, sums, tokens)
        return {}, {DEFAULT_MODULE_ID: torch.tensor(total)}, {}

    def _log_step(self, total: float, sums: dict[str, float], tokens: int) -> float:
        """Logs what the losses of all learners measured; returns their sum."""
        whole = summed_by_name({"": total, **sums})
        total, seen = whole.pop(""), whole.pop(_SEEN, 0.0)
        for name, value in whole.items():
            self.metrics.log_value(
                (DEFAULT_MODULE_ID, OBJECTIVE, name), value / max(1.0, seen), window=1
            )
        self.metrics.log_value((DEFAULT_MODULE_ID, "tokens"), tokens, window=1)
        return total

    def _micro_batches(self, groups: Sequence[Group], config: Any) -> list[list[Packed]]:
        """What is computed: trajectories that can have a gradient, packed."""
        with self._timed("packing"):
            chosen = [_with_gradient(group, config) for group in groups]
            tree = self._packing == "tree"
            bound = config.micro_batch_nodes if tree else config.micro_batch_size
            return self._collate.plan([some for some in chosen if some], self._packing, bound)

    def _model_batch(self, rows: list[Packed]) -> ModelBatch:
        with self._timed("packing"):
            cache = self.module[DEFAULT_MODULE_ID].features
            return self._collate(rows, self._packing, cache).to(self._device)

    def _micro_step(
        self, rows: list[Packed], size: BatchSize, config: Any
    ) -> tuple[float, dict[str, float]]:
        """Forward and backward of one micro-batch; gradients add up."""
        batch, readout = self._model_batch(rows), self._readout(config)
        with self._timed("forward"):
            logp, entropy = self.module[DEFAULT_MODULE_ID].forward_logprobs(batch, readout)
        old, reference = self._measured_by(rows, batch, logp.detach(), readout)
        loss_config: LossConfig = config.loss_config()
        token_batch = TokenBatch(
            logp=logp,
            old_logp=old,
            sampler_logp=batch.sampler_logp,
            advantages=batch.advantages,
            rows=batch.rows,
            entropy=entropy,
            ref_logp=reference,
            turn_advantages=batch.turn_advantages,
        )
        objective = LOSS_TYPES.find(loss_config.loss_type)
        with self._timed("forward"):
            loss, sums = objective(token_batch, size, loss_config)
        with self._timed("backward"):  # reading figures waits for what a GPU has yet to do
            loss.backward()
            measured = {name: float(value) for name, value in sums.items()}
            return float(loss.detach()), {**measured, _SEEN: float(len(logp))}

    def _measured_by(
        self, rows: list[Packed], batch: ModelBatch, logp: torch.Tensor, readout: Readout
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Log-probs before the first step, and under the reference.

        Where there is but one step, they are those that the step itself computes.
        """
        import torch

        if not self._before:
            return logp, self._reference(batch, replace(readout, entropy="none"))
        kept = [self._before[id(t)] for row in rows for t in row.members]
        references = [reference for _, reference in kept if reference is not None]
        return torch.cat([old for old, _ in kept]), torch.cat(references) if references else None

    def _reference(self, batch: ModelBatch, readout: Readout) -> torch.Tensor | None:
        with self._timed("reference"):
            found: torch.Tensor | None = self.module[DEFAULT_MODULE_ID].reference_logprobs(
                batch, readout
            )
            return found

    def _own_config(self) -> Any:
        return self.config.get_config_for_module(DEFAULT_MODULE_ID)

    def _readout(self, config: Any) -> Readout:
        banned = self.module[DEFAULT_MODULE_ID].encoder.banned
        readout = Readout(tuple(banned), config.temperature)
        return replace(readout, entropy="gradient") if config.entropy_coef > 0 else readout

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """Forgets what was kept of trajectories that are not used again, and logs the times."""
        super().after_gradient_based_update(timesteps=timesteps)
        self._before.clear()
        self.module[DEFAULT_MODULE_ID].forget()
        for phase, seconds in self._timed.take().items():
            key = (DEFAULT_MODULE_ID, TIMING, phase)
            self.metrics.log_value(key, seconds, reduce="max", window=1)

    def compute_loss_for_module(self, **_kwargs: Any) -> torch.Tensor:
        """Not used: the loss is computed a micro-batch at a time in `_update`."""
        raise NotImplementedError("GRPOTorchLearner computes its loss in _update.")


_SEEN = "tokens seen"
"""Beside a loss's own sums: the tokens that they are of."""


def _counts(trajectory: Trajectory, config: Any) -> bool:
    """Whether a trajectory is one of those that the loss is a mean over.

    Episodes that the judge abstained on are none: nothing is known of them. Whether there is
    anything to compute of a trajectory plays no part, so that the divisor is the same with a KL
    term and without.
    """
    if trajectory.advantage is None:
        return False
    return not (config.mask_truncated_completions and trajectory.ending == "cut_off")


def _with_gradient(group: Group, config: Any) -> list[Trajectory]:
    """The members of a group that can have a gradient; the others weigh 0 and are not computed.

    Where all rewards of a group are equal only a KL or entropy term has one.
    """
    known = [t for t in group.members if _counts(t, config)]
    telling = [t for t in known if any(n and abs(a) > 1e-9 for a, n in t.credits)]
    if config.beta == 0 and config.entropy_coef == 0:
        return telling
    return known if telling or not config.skip_flat_groups else []
