"""Which parameters are trained: `freeze` names those that are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from agents.errors import TrainingError

if TYPE_CHECKING:
    import torch

_NUMBERED = re.compile(r".*?\.\d+\.")
VISION = "vision"
"""In `freeze`: the whole vision tower, whatever its parameters are called."""


def freeze(model: Any, patterns: Sequence[str]) -> list[torch.nn.Parameter]:
    """Takes the gradient from the parameters that some patterns name.

    Args:
        model: A Qwen-VL model for conditional generation.
        patterns: ``"vision"``, or patterns over parameter names as shells have them, such as
            ``"model.language_model.layers.0.*"``.

    Returns:
        The frozen parameters.

    Raises:
        TrainingError: If a pattern names no parameter, or nothing is left to train.
    """
    names = dict(model.named_parameters())
    frozen: dict[str, torch.nn.Parameter] = {}
    for pattern in patterns:
        if pattern == VISION:
            tower = {id(parameter) for parameter in model.model.visual.parameters()}
            found = {name: p for name, p in names.items() if id(p) in tower}
        else:
            found = {name: p for name, p in names.items() if fnmatchcase(name, pattern)}
        if not found:
            some = ", ".join(list(names)[:: max(1, len(names) // 4)][:4])
            raise TrainingError(
                f"freeze: {pattern!r} names no parameter of the model. Use {VISION!r}, or a "
                f"pattern over names such as {some}."
            )
        frozen |= found
    if len(frozen) == len(names):
        raise TrainingError(f"freeze: {', '.join(patterns)} leaves no parameter to train.")
    for parameter in frozen.values():
        parameter.requires_grad_(False)
    return list(frozen.values())


def changing(model: Any) -> tuple[str, ...]:
    """Names of the weights that an engine has to take anew after a step.

    They are those of whole layers, trained in part or not: engines fuse some of a layer's weights.

    Args:
        model: What is trained, whose frozen parameters have no gradient.
    """
    state = model.state_dict(keep_vars=True)
    layers = {_layer(name) for name, tensor in state.items() if tensor.requires_grad}
    return tuple(name for name in state if _layer(name) in layers)


def _layer(name: str) -> str:
    """The numbered layer that a weight is in; where it is in none, the module that holds it."""
    numbered = _NUMBERED.match(name)
    return numbered[0] if numbered else name.rpartition(".")[0]


def tower_is_frozen(model: Any) -> bool:
    """Whether no parameter of the vision tower is trained, so that its features are constant."""
    return not any(parameter.requires_grad for parameter in model.model.visual.parameters())


def checkpoint_gradients(model: Any) -> None:
    """Keeps only the inputs of each layer for the backward pass, which computes the rest again.

    Layers do so in training mode only. They alone are put into it: what is inside them, dropout
    for one, stays as it is in evaluation.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.training = True
