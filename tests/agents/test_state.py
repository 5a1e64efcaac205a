"""State of an unfinished pretraining: read whole, or refused by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from agents.errors import CheckpointError
from agents.tiny.state import load_state, save_state


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, {"model": {"a": torch.ones(3)}, "optimizer": {}}, {"place": [1, 2]})
    parts, about = load_state(path)
    assert about == {"place": [1, 2]}
    assert list(parts) == ["model"] and torch.equal(parts["model"]["a"], torch.ones(3))


@pytest.mark.parametrize("left", [0, 7, 60, -4])
def test_what_is_cut_off_is_named(tmp_path: Path, left: int) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, {"model": {"a": torch.ones(300)}}, {})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CheckpointError, match=r"state\.safetensors: cannot be gone on with"):
        load_state(path)


def test_another_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="cannot be gone on with"):
        load_state(path)
