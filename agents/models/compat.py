"""Makes `transformers` and `vllm` importable beside a CPU build of torch; elsewhere a no-op.

The registries' torchvision, torchaudio and torchcodec are CUDA builds. Beside a CPU torch,
torchvision fails to register its operators and the audio packages fail to load their libraries.
Qwen-VL processors want torchvision for videos only, so declaring the operators is enough.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[Any] = []  # a torch.library.Library drops its operators when it is collected


def is_patched() -> bool:
    """True when this process needed the operator declarations; its children would need them too."""
    return bool(_kept)


def prepare_imports() -> None:
    """Call before the first import of `transformers` or `vllm`; safe to call any number of times.

    Raises:
        ImportError: If torch is not installed; names the extra that brings it.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Beside a CPU torch vLLM warns that Triton has no use, before its own level is set.
    logging.getLogger("vllm.triton_utils.importing").setLevel(logging.ERROR)
    torch_version = _version("torch")
    if torch_version is None:
        raise ImportError(
            "This needs torch, transformers and vllm: pip install -e '.[cpu]' "
            "(or '.[gpu]' on a machine with CUDA)."
        )
    if _kept or "+cpu" not in torch_version:
        return
    for name in ("torchaudio", "torchcodec"):
        if _is_cuda_build(name):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # makes the import fail
    datasets: Any = sys.modules.get("datasets")
    if datasets is not None:  # it has looked for torchcodec already, and would import it later
        datasets.config.TORCHCODEC_AVAILABLE = "torchcodec" not in sys.modules
    _look_again()
    if _is_cuda_build("torchvision") and "torchvision" not in sys.modules:
        import torch

        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _kept.append(library)


def _look_again() -> None:
    """Has transformers look anew for the audio packages, if it was imported and has looked."""
    found: Any = sys.modules.get("transformers.utils.import_utils")
    names = ("_is_package_available", "is_torchaudio_available", "is_torchcodec_available")
    for name in names if found is not None else ():
        clear = getattr(getattr(found, name, None), "cache_clear", None)
        if clear is not None:
            clear()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _is_cuda_build(package: str) -> bool:
    found = _version(package)
    return found is not None and "+cpu" not in found
