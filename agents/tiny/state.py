"""State of an unfinished pretraining in one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW remembers of a parameter."""


def save_state(
    path: Path,
    model: torch.nn.Module,
    head: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None,
    about: dict[str, Any],
) -> None:
    """Writes weights, the optimizer's moments and what else is known.

    Args:
        path: The file; it is replaced at once, so a kill leaves the earlier one.
        model: The model.
        head: The throw-away head.
        optimizer: AdamW, or None between stages.
        about: Anything that JSON can hold.
    """
    from safetensors.torch import save_file

    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"head.{name}": value for name, value in head.state_dict().items()}
    for index, moments in _moments(optimizer).items():
        tensors |= {f"optimizer.{index}.{name}": moments[name] for name in MOMENTS}
    tensors = {name: value.detach().contiguous() for name, value in tensors.items()}
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"about": json.dumps(about)})
    temporary.replace(path)


def load_state(
    path: Path, model: torch.nn.Module, head: torch.nn.Module
) -> tuple[dict[str, Any], Callable[[torch.optim.Optimizer], None]]:
    """Reads a state into model and head.

    Returns:
        What else was known, and a function that gives an optimizer its moments back.
    """
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        about: dict[str, Any] = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for prefix, module in (("model.", model), ("head.", head)):
        own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        module.load_state_dict(own, strict=True)

    def restore(optimizer: torch.optim.Optimizer) -> None:
        state = optimizer.state_dict()
        places = range(sum(len(group["params"]) for group in state["param_groups"]))
        names = [f"optimizer.{index}." for index in places]
        state["state"] = {
            index: {moment: tensors[name + moment] for moment in MOMENTS}
            for index, name in enumerate(names)
            if name + MOMENTS[0] in tensors
        }
        optimizer.load_state_dict(state)

    return about, restore


def _moments(optimizer: torch.optim.Optimizer | None) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = optimizer.state_dict()["state"] if optimizer else {}
    return found
