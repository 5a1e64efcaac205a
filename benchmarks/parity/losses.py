"""One batch through TRL's loss and through ours: the value, and the gradient.

The batch is played by our engine. The model is then moved off the checkpoint, whose log-probs are
the old ones and the reference's: at the checkpoint itself ratios are 1 and the KL is 0, whatever a
loss makes of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agents import (
    LOSS_TYPES,
    BatchSize,
    ChatEncoder,
    LossConfig,
    Sampling,
    TokenBatch,
    Trajectory,
    VisionProcessor,
    collect,
    finish_groups,
    load_model,
    make_backend,
)
from agents.grpo.freezing import freeze
from agents.grpo.logprobs import Readout, sampled_logprobs
from agents.grpo.packing.batching import Collator, ModelBatch
from agents.grpo.packing.positions import Positions
from agents.models import load_tokenizer
from agents.rollouts import prompt_indices
from benchmarks.speed.trl_setup import make_trainer
from benchmarks.training.settings import TrainSettings
from vt_env import group_shaper, open_env

if TYPE_CHECKING:
    import torch

MOVED = 0.02
"""Deviation of what is added to the trained parameters, times their own."""


def compare(settings: TrainSettings) -> dict[str, Any]:
    """Both losses of a batch of `num_prompts` groups.

    Args:
        settings: Resolved.

    Returns:
        ``loss`` (``ours``, ``trl``, ``difference``), ``gradient`` (norms, and that of the
        difference over ours), and what the batch was.
    """
    import torch

    episodes = _played(settings)
    with tempfile.TemporaryDirectory() as folder:
        batch = len(episodes)
        trainer, _ = make_trainer(settings, 1, batch, folder)
        noise = _noise(trainer.model, settings.run.seed)
        their_loss, theirs = _trl(trainer, episodes, noise)
    our_loss, ours = _ours(settings, episodes, noise)
    sampled = sum(sum(t.mask) for t in episodes)
    return {
        "loss": {"ours": our_loss, "trl": their_loss, "difference": abs(our_loss - their_loss)},
        "gradient": {
            "ours": float(ours.norm()),
            "trl": float(theirs.norm()),
            "relative": float((ours - theirs).norm() / ours.norm()),
            "largest": float((ours - theirs).abs().max()),
        },
        "episodes": len(episodes),
        "with_two_images": sum(len(t.images) > 1 for t in episodes),
        "tokens": sampled,
        "parameters": len(ours),
        "torch": torch.__version__,
    }


def _played(settings: TrainSettings) -> list[Trajectory]:
    """Groups with their advantages."""
    grpo, engine = settings.grpo, settings.engine
    env = open_env(settings.env.id, **settings.train_env())
    order = prompt_indices(len(env.dataset), settings.run.seed, 0, grpo.num_prompts)
    groups = [env.factory.group(index, grpo.num_generations) for index in order]
    length = settings.known().max_new_tokens
    sampling = Sampling(grpo.temperature, settings.run.seed, max_new_tokens=length)
    backend = make_backend("transformers", engine.model_dir)
    try:
        played = collect(backend, [e for group in groups for e in group], env.judge, sampling)
    finally:
        backend.close()
    shaper = group_shaper(grpo.shaper, **grpo.shaper_params)
    scale: Any = grpo.scale_rewards
    return finish_groups(played, grpo.num_generations, shaper, scale)


def _trained(model: Any) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _noise(model: Any, seed: int) -> list[torch.Tensor]:
    """What the trained parameters are moved by."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return [
        MOVED * float(p.detach().std()) * torch.randn(p.shape, generator=generator)
        for p in _trained(model)
    ]


def _move(model: Any, noise: Sequence[torch.Tensor]) -> None:
    import torch

    with torch.no_grad():
        for parameter, step in zip(_trained(model), noise, strict=True):
            parameter.add_(step)


def _gradient(model: Any) -> torch.Tensor:
    import torch

    return torch.cat([p.grad.flatten() for p in _trained(model) if p.grad is not None])


def _ours(
    settings: TrainSettings, episodes: Sequence[Trajectory], noise: Sequence[torch.Tensor]
) -> tuple[float, torch.Tensor]:
    """Our loss and its gradient, on prefix trees, as the learner computes them."""
    import torch

    engine, grpo = settings.engine, settings.grpo
    model = load_model(engine.model_dir, grpo.dtype)
    freeze(model, grpo.freeze)
    encoder, vision = (
        ChatEncoder(load_tokenizer(engine.model_dir)),
        VisionProcessor(engine.model_dir),
    )
    rope = Positions(model.model.get_rope_index, encoder.image_pad, vision.merge)
    collate = Collator(vision, encoder.pad, encoder.image_pad, rope)
    each = grpo.num_generations
    groups = [episodes[start : start + each] for start in range(0, len(episodes), each)]
    (rows,) = collate.plan(groups, "tree", None)
    batch: ModelBatch = collate(rows, "tree")
    readout = Readout(tuple(encoder.banned), grpo.temperature)
    with torch.no_grad():
        old, _ = sampled_logprobs(model, batch, readout)  # (N,)
    _move(model, noise)
    logp, entropy = sampled_logprobs(model, batch, readout)  # (N,)
    tokens = TokenBatch(logp, old, old, batch.advantages, batch.rows, entropy, ref_logp=old)
    names = LossConfig.__dataclass_fields__
    config = LossConfig(**{name: getattr(grpo, name) for name in names})
    config = replace(config, vllm_importance_sampling_correction=False)  # no engine of its own
    size = BatchSize(len(episodes), len(logp))
    loss, _ = LOSS_TYPES.find(grpo.loss_type)(tokens, size, config)
    loss.backward()
    return float(loss.detach()), _gradient(model)


def _trl(
    trainer: Any, episodes: Sequence[Trajectory], noise: Sequence[torch.Tensor]
) -> tuple[float, torch.Tensor]:
    """TRL's loss and its gradient, on padded rows, as its trainer computes them."""
    import torch

    inputs = _padded(trainer.processing_class, episodes)
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    prompt, completion = inputs["prompt_ids"], inputs["completion_ids"]
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)  # (B, P + C)
    vision = {name: inputs[name] for name in _VISION}
    with torch.no_grad():
        old = trainer._get_per_token_logps_and_entropies(
            trainer.model,
            torch.cat([prompt, completion], dim=1),
            mask,
            completion.size(1),
            **vision,
        )[0]  # (B, C)
    inputs |= {"old_per_token_logps": old, "ref_per_token_logps": old}
    _move(trainer.model, noise)
    loss = trainer._compute_loss(trainer.model, inputs)
    loss.backward()
    return float(loss.detach()), _gradient(trainer.model)


_VISION = ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")


def _padded(processor: Any, episodes: Sequence[Trajectory]) -> dict[str, Any]:
    """Episodes as TRL's trainer holds them: prompts padded left, what follows padded right."""
    import torch
    from trl.trainer.utils import pad

    tokenizer = processor.tokenizer
    starts = [t.mask.index(1) for t in episodes]
    ids = [torch.tensor(t.ids) for t in episodes]
    masks = [torch.tensor(t.mask) for t in episodes]

    def cut(values: Sequence[torch.Tensor], side: str, fill: int) -> torch.Tensor:
        parts = [
            v[:start] if side == "left" else v[start:]
            for v, start in zip(values, starts, strict=True)
        ]
        padded: torch.Tensor = pad(parts, padding_value=fill, padding_side=side)
        return padded

    ones = [torch.ones_like(one) for one in ids]
    prompt, completion = (cut(ids, side, tokenizer.pad_token_id) for side in ("left", "right"))
    images = [image for t in episodes for image in t.images]
    shown = processor.image_processor(images=images, return_tensors="pt")
    whole = torch.cat([prompt, completion], dim=1)  # (B, P + C)
    sampled = cut(masks, "right", 0)
    return {
        "prompt_ids": prompt,
        "prompt_mask": cut(ones, "left", 0),
        "completion_ids": completion,
        "completion_mask": cut(ones, "right", 0),
        "tool_mask": sampled,
        "advantages": torch.tensor([t.advantage or 0.0 for t in episodes]),  # (B,)
        "num_items_in_batch": sampled.sum(),
        "pixel_values": shown["pixel_values"],
        "image_grid_thw": shown["image_grid_thw"],
        "num_images": [len(t.images) for t in episodes],
        "mm_token_type_ids": (whole == processor.image_token_id).int(),
    }
