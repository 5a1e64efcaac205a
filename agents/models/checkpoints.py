"""Checkpoint directories: what they must hold, what they say, and how their model is loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agents.errors import BackendError
from vt_env import TOKEN_FAMILIES, Checkpoint, read_checkpoint
from vt_env.tokens import BlockFamily

DTYPES = ("float32", "bfloat16", "float16", "float64")
"""Names of torch dtypes that a model is loaded in."""

_TEXT_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
_COPY = "copy the checkpoint again, whole."


def check_model_dir(model_dir: str | Path) -> Path:
    """Returns the directory of a checkpoint; looks at the files of its weights, but reads none.

    Raises:
        BackendError: If it is not a Hugging Face checkpoint directory in safetensors format, or a
            file of its weights is missing or cut off.
    """
    path = Path(model_dir)
    if not (path / "config.json").is_file():
        raise BackendError(f"{path}: not a checkpoint directory (there is no config.json in it).")
    shards = sorted(path.glob("*.safetensors"))
    if not shards:
        raise BackendError(f"{path}: holds no *.safetensors; other weight formats are not loaded.")
    for missing in sorted(_indexed(path) - {shard.name for shard in shards}):
        raise BackendError(f"{path}: {missing}, which its index names, is missing; {_COPY}")
    for shard in shards:
        _check_length(shard)
    return path


def _indexed(path: Path) -> set[str]:
    """Names of the weight files that a checkpoint in several parts says it has."""
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return set()
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(f"{index}: cannot be read ({error!r}); {_COPY}") from error


def _check_length(shard: Path) -> None:
    """Compares a weight file's length with what its header says.

    The format: 8 bytes of the header's length, the header in JSON, the tensors one after another.
    """
    try:
        with shard.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = shard.stat().st_size
            if length > size:
                raise ValueError("its header is cut off")
            tensors = json.loads(file.read(length))
        tensors.pop("__metadata__", None)
        end = 8 + length + max((t["data_offsets"][1] for t in tensors.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackendError(f"{shard}: no safetensors file ({error}); {_COPY}") from error
    if end != size:
        raise BackendError(f"{shard}: has {size} bytes, not {end} as its header says; {_COPY}")


def load_model(model_dir: str | Path, dtype: str = "float32") -> Any:
    """Loads the model in evaluation mode.

    Args:
        model_dir: Hugging Face directory.
        dtype: Name of a torch dtype, such as ``"float32"`` or ``"bfloat16"``.

    Raises:
        BackendError: If the weights are not those of the model that the config describes: a tensor
            is missing, not known to it, or of another shape.
    """
    from agents.models.compat import prepare_imports

    prepare_imports()
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = check_model_dir(model_dir)
    try:
        model, report = AutoModelForImageTextToText.from_pretrained(
            path,
            dtype=getattr(torch, dtype),
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # they are in the report, which is read below
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BackendError(f"{path}: cannot be loaded ({error}).") from error
    refuse_unfit(path, report)
    _own_distribution(model)
    return model.eval()


def _own_distribution(model: Any) -> None:
    """Leaves of a checkpoint's ways of sampling the ids that begin, end and pad a text.

    Published checkpoints come with a `generation_config.json` for chatting (Qwen2.5-VL's: a
    repetition penalty of 1.05, one token to choose from), which transformers would apply to
    whatever a caller does not name; older ones have the like in `config.json`. The trainer
    differentiates the model's own distribution, so that is what is drawn from, and saved.
    """
    from transformers import GenerationConfig

    for part in (model.config, model.config.get_text_config()):
        for name in part._get_generation_parameters():
            delattr(part, name)
    given = model.generation_config
    model.generation_config = GenerationConfig(**{n: getattr(given, n) for n in _TEXT_IDS})


@dataclass(frozen=True)
class Tensors:
    """The tensors that make up a model.

    Attributes:
        shapes: Of each, by its Hugging Face name.
        tied: Names of those that are another one under a second name; files leave them out.
    """

    shapes: Mapping[str, tuple[int, ...]]
    tied: frozenset[str] = frozenset()

    @classmethod
    def of(cls, model: Any) -> Self:
        """Those of a model of transformers."""
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        return cls(shapes, frozenset(getattr(model, "all_tied_weights_keys", None) or ()))

    def check(self, weights: Mapping[str, Any], some: bool = False) -> None:
        """Refuses new weights that are not the whole model's: an engine would keep some old ones.

        Args:
            weights: Tensors by their Hugging Face names.
            some: Whether some may be missing.

        Raises:
            BackendError: Naming some of the tensors that are missing, unknown or misshapen.
        """
        given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        shared = self.shapes.keys() & given.keys()
        wrong = {
            "lack": set() if some else self.shapes.keys() - given.keys() - self.tied,
            "hold, in another shape than the model's,": [
                f"{name} {_shape(given[name])} for {_shape(self.shapes[name])}"
                for name in shared
                if given[name] != self.shapes[name]
            ],
            "hold, unknown to the model,": given.keys() - self.shapes.keys(),
        }
        for what, names in wrong.items():
            if names:
                taken = "whole layers" if some else "all tensors of a model at once"
                raise BackendError(
                    f"The new weights {what} {_some(names)}. An engine takes {taken}, by their "
                    "Hugging Face names."
                )


def check_weights(model_dir: str | Path) -> Tensors | None:
    """Compares names and shapes of a checkpoint's tensors with its architecture; reads no tensor.

    An engine need not notice that a tensor is missing. Quantised weights are left to it.

    Args:
        model_dir: Hugging Face directory.

    Returns:
        The model's tensors; None for a quantised one.

    Raises:
        BackendError: As `load_model` does.
    """
    from agents.models.compat import prepare_imports

    prepare_imports()
    import torch
    from safetensors import SafetensorError, safe_open
    from transformers import AutoConfig, AutoModelForImageTextToText
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = check_model_dir(model_dir)
    stand_ins: dict[str, torch.Tensor] = {}
    try:
        for shard in sorted(path.glob("*.safetensors")):
            with safe_open(shard, "pt") as file:
                for name in file.keys():  # noqa: SIM118 - no mapping
                    shape = file.get_slice(name).get_shape()
                    stand_ins[name] = torch.zeros(()).expand(shape)  # takes no memory
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        if getattr(config, "quantization_config", None) is not None:
            return None
        model_class = AutoModelForImageTextToText._model_mapping[type(config)]
        model, report = model_class.from_pretrained(
            None,
            config=config,
            state_dict=stand_ins,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BackendError(f"{path}: cannot be loaded ({error}).") from error
    refuse_unfit(path, report)
    return Tensors.of(model)


def refuse_unfit(path: Path, report: Mapping[str, Any]) -> None:
    """Refuses weights that are not the model's: what is missing would be drawn at random.

    Args:
        path: The checkpoint, for the error.
        report: What transformers says of the loading.

    Raises:
        BackendError: Naming some of the tensors.
    """
    mismatched = [f"{name} {_shape(a)} for {_shape(b)}" for name, a, b in report["mismatched_keys"]]
    kinds = {
        "lacks": report["missing_keys"],
        "holds, in another shape than its config says,": mismatched,
        "holds, unknown to its architecture,": report["unexpected_keys"],
        "holds, unreadable,": report.get("error_msgs", ()),
    }
    for what, names in kinds.items():
        if names:
            raise BackendError(
                f"{path}: {what} {_some(names)}. Its config.json and its weights do not belong "
                f"together: {_COPY}"
            )


def _some(names: Collection[Any]) -> str:
    """How many tensors, and the names of some."""
    shown = ", ".join(sorted(map(str, names))[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    count = "a tensor" if len(names) == 1 else f"{len(names)} tensors"
    return f"{count} ({shown}{more})"


def _shape(size: Any) -> str:
    return "x".join(map(str, size))


def playable(model_dir: str | Path) -> Checkpoint:
    """Reads what a checkpoint says of itself, if the engines can play it.

    Raises:
        BackendError: If the directory holds no checkpoint of a family of blocks, such as Qwen-VL.
        ConfigError: If one of its files cannot be used; names the file.
    """
    path = check_model_dir(model_dir)
    found = read_checkpoint(path)
    known = [name for name, family in TOKEN_FAMILIES.items() if isinstance(family, BlockFamily)]
    if found.token_family not in known:
        raise BackendError(
            f"{path}: model_type {found.token_family!r} is none of {', '.join(known)}."
        )
    return found
