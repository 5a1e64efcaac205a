"""A device that is not there: computes on the CPU, and fails where tensors of two devices meet.

Within `TwoDevices` a tensor that was moved to `OTHER`, or made there, or of tensors there, says
that it is on it. Numbers (tensors without dimensions) may meet anything, as on a real device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

OTHER = torch.device("cuda", 0)
_DEVICE = torch.Tensor.device.__get__  # type: ignore[attr-defined]
_SILENT = {"data", "grad", "requires_grad", "shape", "__set__", "_has_compatible_shallow_copy_type"}


class MixedDevicesError(AssertionError):
    """Tensors of two devices met."""


def is_there(tensor: torch.Tensor) -> bool:
    return getattr(tensor, "_there", False)


def _tagged(result: Any) -> Any:
    for tensor in tree_leaves(result):
        if isinstance(tensor, torch.Tensor):
            tensor._there = True  # type: ignore[attr-defined]
    return result


class TwoDevices(TorchFunctionMode):
    """The mode that watches."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        if func == _DEVICE:
            return OTHER if is_there(args[0]) else torch.device("cpu")
        if func in (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda):
            return self._moved(func, args, kwargs)
        wanted = kwargs.get("device")
        if wanted is not None and torch.device(wanted) == OTHER:
            return _tagged(func(*args, **{**kwargs, "device": "cpu"}))
        with_size = [tensor for tensor in tensors if torch.Tensor.dim(tensor)]
        there = [tensor for tensor in with_size if is_there(tensor)]
        name = getattr(func, "__name__", "")
        # What is on a device may be indexed by what is on the CPU.
        indexed = name == "__getitem__" and is_there(args[0])
        if there and len(there) < len(with_size) and name not in _SILENT and not indexed:
            raise MixedDevicesError(f"{name}: {len(there)} of {len(with_size)} tensors are there")
        result = func(*args, **kwargs)
        return _tagged(result) if any(map(is_there, tensors)) else result

    def _moved(self, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        tensor, rest = args[0], [*args[1:], *kwargs.values()]
        asked = [torch.device(x) for x in rest if isinstance(x, str | torch.device)]
        asked += [torch.device("cpu")] if func is torch.Tensor.cpu else []
        others = [x for x in rest if isinstance(x, torch.Tensor)]
        types = [x for x in rest if isinstance(x, torch.dtype)]
        to = asked[0] == OTHER if asked else is_there(others[0] if others else tensor)
        with torch._C.DisableTorchFunction():
            if isinstance(tensor, torch.nn.Parameter) and not types:
                moved = tensor  # a module's own stays the same object
            else:
                moved = tensor.to(types[0] if types else tensor.dtype, copy=True)
        moved._there = to
        return moved
