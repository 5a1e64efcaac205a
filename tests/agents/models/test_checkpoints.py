"""Checkpoints of models: what does not fit its config is refused, never filled at random."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.backends import make_backend
from agents.errors import BackendError
from agents.models.checkpoints import check_model_dir, check_weights, load_model

Weights = dict[str, torch.Tensor]
UP = "model.language_model.layers.0.mlp.up_proj.weight"


@pytest.fixture
def copied(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that may be spoilt."""
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def edit(path: Path, change: Callable[[Weights], Any]) -> None:
    file = path / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def edit_config(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((path / "config.json").read_text())
    change(config)
    (path / "config.json").write_text(json.dumps(config))


def cut(path: Path, share: float) -> None:
    file = path / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def key(weights: Weights) -> str:
    return next(name for name in sorted(weights) if name.endswith("layers.0.mlp.up_proj.weight"))


def another_layer(config: dict[str, Any]) -> None:
    config["text_config"]["num_hidden_layers"] += 1
    config["text_config"].pop("layer_types", None)


UNFIT: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a tensor missing": (lambda p: edit(p, lambda w: w.pop(key(w))), f"lacks a tensor .*{UP}"),
    "the head missing": (lambda p: edit(p, lambda w: w.pop("lm_head.weight")), "lm_head.weight"),
    "many missing": (
        lambda p: edit(p, lambda w: [w.pop(name) for name in sorted(w)[:20]]),
        "lacks 20 tensors .* and 17 more",
    ),
    "a layer missing": (lambda p: edit_config(p, another_layer), r"lacks 12 tensors .*layers\.4"),
    "misshapen": (
        lambda p: edit(p, lambda w: w.update({key(w): torch.zeros(3, 7)})),
        rf"another shape than its config says, a tensor \({UP} 3x7 for",
    ),
    "unknown": (
        lambda p: edit(p, lambda w: w.update({"model.language_model.extra": torch.zeros(2)})),
        "unknown to its architecture, a tensor",
    ),
}
BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut in the tensors": (lambda p: cut(p, 0.5), "has 4303500 bytes, not 8607000"),
    "cut by a little": (lambda p: cut(p, 0.999999), "bytes, not 8607000"),
    "cut in the header": (lambda p: cut(p, 0.0001), "no safetensors file"),
    "empty": (lambda p: cut(p, 0), "no safetensors file"),
    "another format": (
        lambda p: (p / "model.safetensors").write_bytes(b"PK\x03\x04" * 1000),
        "no safetensors file",
    ),
    "a part missing": (
        lambda p: (p / "model.safetensors.index.json").write_text(
            '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}'
        ),
        "model-00002-of-00002.safetensors, which its index names, is missing",
    ),
    "an index cut off": (
        lambda p: (p / "model.safetensors.index.json").write_text('{"weight_map"'),
        "index.json: cannot be read",
    ),
}


def test_a_sound_checkpoint_passes(checkpoint: Path) -> None:
    assert check_model_dir(checkpoint) == checkpoint
    check_weights(checkpoint)
    assert not load_model(checkpoint).training


@pytest.mark.parametrize("name", UNFIT)
def test_weights_that_do_not_fit_are_refused(name: str, copied: Path) -> None:
    spoil, message = UNFIT[name]
    spoil(copied)
    check_model_dir(copied)
    for use in (load_model, check_weights):
        with pytest.raises(BackendError, match=message) as error:
            use(copied)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(name: str, copied: Path) -> None:
    spoil, message = BROKEN[name]
    spoil(copied)
    for use in (check_model_dir, load_model, check_weights):
        with pytest.raises(BackendError, match=message):
            use(copied)


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_no_engine_starts_on_weights_that_do_not_fit(backend: str, copied: Path) -> None:
    edit(copied, lambda weights: weights.pop(key(weights)))
    with pytest.raises(BackendError, match="lacks a tensor"):
        make_backend(backend, copied)


def test_checking_reads_no_tensor(copied: Path) -> None:
    """A file whose tensors are a hole: what counts are names and shapes."""
    file = copied / "model.safetensors"
    size = file.stat().st_size
    with file.open("r+b") as opened:
        length = 8 + int.from_bytes(opened.read(8), "little")
        opened.truncate(length)
        opened.truncate(size)
    check_weights(copied)
