"""State of an unfinished pretraining in one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.errors import CheckpointError

if TYPE_CHECKING:
    import torch


def save_state(
    path: Path, parts: dict[str, dict[str, torch.Tensor]], about: dict[str, Any]
) -> None:
    """Writes tensors and what else is known.

    Args:
        path: The file; it is replaced at once, so a kill leaves the earlier one.
        parts: Tensors by part (which has no ``/`` in it) and name.
        about: Anything that JSON can hold.
    """
    from safetensors.torch import save_file

    tensors = {
        f"{part}/{name}": value.detach().clone().contiguous()
        for part, named in parts.items()
        for name, value in named.items()
    }
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"about": json.dumps(about)})
    temporary.replace(path)


def load_state(path: Path) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
    """Reads what `save_state` wrote; a part without tensors is left out.

    Raises:
        CheckpointError: If the file is cut off, or was not written by `save_state`.
    """
    from safetensors import SafetensorError, safe_open

    parts: dict[str, dict[str, torch.Tensor]] = {}
    try:
        with safe_open(path, "pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["about"])
            for key in file.keys():  # noqa: SIM118 - no mapping
                part, name = key.split("/", 1)
                parts.setdefault(part, {})[name] = file.get_tensor(key)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: cannot be gone on with ({error}); copy it again, whole, or start anew."
        ) from error
    return parts, about
