"""`Trainer`: a model, its optimiser, and a step on given episodes; neither engine nor data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from agents.grpo.freezing import checkpoint_gradients, freeze, tower_is_frozen
from agents.grpo.logprobs import Readout, refuses_trees, sampled_logprobs
from agents.grpo.optimizer import PolicyAdamW, scheduler
from agents.grpo.packing.batching import Collator, Packing
from agents.grpo.packing.positions import Positions
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.checkpoints import load_model
from agents.models.vision import FeatureCache, VisionProcessor
from agents.rollouts.trajectory import Trajectory
from agents.sft.config import SFTOptions
from agents.tiny.state import load_state, save_state

_log = logging.getLogger(__name__)
STATE = "state.safetensors"
"""File of a checkpoint: weights, and the optimiser's memory."""


class Trainer:
    """Learns to write the turns of episodes.

    Args:
        model_dir: Hugging Face directory of the model to start from.
        options: How it learns.
        steps: Steps of the whole training, for the schedule where `options` leave it open.
    """

    def __init__(self, model_dir: str, options: SFTOptions, steps: int) -> None:
        self._options = options
        self.encoder = ChatEncoder(load_tokenizer(model_dir))
        self.model = load_model(model_dir, options.dtype)
        device = torch.accelerator.current_accelerator(check_available=True)
        if device is not None:
            self.model.to(device)
        freeze(self.model, options.freeze)
        if options.gradient_checkpointing:
            checkpoint_gradients(self.model)
        vision = VisionProcessor(model_dir)
        rope = Positions(self.model.model.get_rope_index, self.encoder.image_pad, vision.merge)
        self._collate = Collator(vision, self.encoder.pad, self.encoder.image_pad, rope)
        self._packing: Packing = options.packing
        reason = refuses_trees(self.model) if options.packing == "tree" else None
        if reason:
            self._packing = "padded"
            _log.warning("%s cannot take prefix trees (%s): packing is 'padded'.",
                         type(self.model).__name__, reason)  # fmt: skip
        self._trained = [p for p in self.model.parameters() if p.requires_grad]
        schedule = SimpleNamespace(
            lr_scheduler_type=options.lr_scheduler_type,
            warmup_steps=options.warmup_steps,
            max_steps=options.max_steps or steps,
        )
        self._optimizer = PolicyAdamW(
            self._trained,
            options.lr,
            weight_decay=options.weight_decay,
            master_weights=options.master_weights,
            schedule=scheduler(schedule),
        )

    def parameter_counts(self) -> tuple[int, int]:
        """Numbers that are trained, and all numbers of the model."""
        return (
            sum(p.numel() for p in self._trained),
            sum(p.numel() for p in self.model.parameters()),
        )

    def step(self, groups: Sequence[Sequence[Trajectory]]) -> dict[str, float]:
        """Takes one step on the mean negative log-prob over all tokens of the policy's turns.

        Args:
            groups: Episodes by sample; at least one.

        Returns:
            ``loss`` in nats a token, ``tokens``, ``grad_norm``, and the ``lr`` of the step.
        """
        options, rate = self._options, float(self._optimizer.param_groups[0]["lr"])
        tokens = sum(sum(t.mask) for group in groups for t in group)
        bound = options.micro_batch_nodes if self._packing == "tree" else options.micro_batch_size
        cache = FeatureCache() if tower_is_frozen(self.model) else None
        readout = Readout(tuple(self.encoder.banned), entropy="none")
        self._optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for rows in self._collate.plan(groups, self._packing, bound):
            batch = self._collate(rows, self._packing, cache).to(self.model.device)
            logp, _ = sampled_logprobs(self.model, batch, readout, cache)  # (N,)
            loss = -logp.sum() / tokens
            loss.backward()
            total += float(loss.detach())
        clip = options.grad_clip if options.grad_clip is not None else float("inf")
        norm = float(torch.nn.utils.clip_grad_norm_(self._trained, clip))
        self._optimizer.step()
        return {"loss": total, "tokens": float(tokens), "grad_norm": norm, "lr": rate}

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's weights under their Hugging Face names, on the CPU."""
        return {name: t.detach().cpu().clone() for name, t in self.model.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Writes weights and the optimiser's memory."""
        memory = self._optimizer.state_dict()
        parts = {
            "model": self.model.state_dict(),
            "adamw": {
                f"{place}.{name}": value
                for place, values in memory["state"]["adamw"].items()
                for name, value in values.items()
            },
            "copies": {str(place): copy for place, copy in memory["state"]["copies"].items()},
        }
        save_state(folder / STATE, parts, {"steps": memory["steps"]})

    def load(self, folder: Path) -> None:
        """Goes on from what `save` wrote.

        Raises:
            CheckpointError: If the file is cut off, or was not written by `save`.
        """
        parts, about = load_state(folder / STATE)
        self.model.load_state_dict(parts["model"])
        memory: dict[int, dict[str, Any]] = {}
        for key, value in parts.get("adamw", {}).items():
            place, name = key.split(".", 1)
            memory.setdefault(int(place), {})[name] = value
        copies = {int(place): copy for place, copy in parts.get("copies", {}).items()}
        self._optimizer.load_state_dict(
            {"state": {"adamw": memory, "copies": copies}, "steps": about["steps"]}
        )
