"""Gymnasium spaces in JSON: what they hold both ways, and what they are as JSON Schema.

It knows gymnasium, numpy and Pillow alone. An image (a uint8 array of height, width and 1, 3 or 4
channels) becomes the ``data:`` address of a PNG, which keeps every pixel; all else becomes numbers,
texts, lists and objects. Numbers that JSON has none for are the texts ``"nan"``, ``"inf"`` and
``"-inf"``. A space that is not named here is asked by its own `to_jsonable` and `from_jsonable`.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import Space, spaces
from PIL import Image

PNG = "data:image/png;base64,"
"""How the address of an image begins."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's modes by the number of channels."""
MAX_PIXELS = 64 * 1024 * 1024
"""Pixels of the largest image that is read."""


class SpaceError(ValueError):
    """A value that a space does not hold; says where, and what the space is."""


def to_json(space: Space[Any], value: Any) -> Any:
    """A member of a space as what JSON can hold.

    Args:
        space: The space.
        value: A member of it.

    Returns:
        What `from_json` turns back into an equal member.
    """
    if isinstance(space, spaces.Dict):
        return {str(key): to_json(part, value[key]) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return [to_json(part, item) for part, item in zip(space.spaces, value, strict=True)]
    if isinstance(space, spaces.Text):
        return str(value)
    if _is_image(value):
        return png(value)
    if isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary):
        return plain(value)
    return plain(space.to_jsonable([value])[0])


def from_json(space: Space[Any], told: Any, where: str = "value") -> Any:
    """The member of a space that came over the wire.

    Args:
        space: The space.
        told: What JSON held, not trusted.
        where: What errors call it.

    Raises:
        SpaceError: If the space holds nothing of the kind.
    """
    if isinstance(space, spaces.Dict):
        return _from_object(space, told, where)
    if isinstance(space, spaces.Tuple):
        if not isinstance(told, list) or len(told) != len(space.spaces):
            raise SpaceError(f"{where} must be a list of {len(space.spaces)}.")
        parts = enumerate(zip(space.spaces, told, strict=True))
        return tuple(from_json(part, item, f"{where}[{n}]") for n, (part, item) in parts)
    try:
        value = _leaf(space, told)
    except (ValueError, TypeError, OverflowError, IndexError, KeyError) as error:
        raise SpaceError(f"{where}: {_short(told)} is not of {space}: {error}") from error
    if not space.contains(value):
        raise SpaceError(f"{where}: {_short(told)} is not in {space}.")
    return value


def _from_object(space: spaces.Dict, told: Any, where: str) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        raise SpaceError(f"{where} must be an object with {', '.join(map(str, space.spaces))}.")
    names = {str(key): key for key in space.spaces}
    if told.keys() != names.keys():
        lost, more = sorted(names.keys() - told.keys()), sorted(told.keys() - names.keys())
        raise SpaceError(f"{where}: {lost} are missing and {more} are not known.")
    return {
        key: from_json(space.spaces[key], told[name], f"{where}.{name}")
        for name, key in names.items()
    }


def _leaf(space: Space[Any], told: Any) -> Any:
    if isinstance(space, spaces.Text):
        return told
    if space.dtype == np.uint8 and isinstance(told, str) and told.startswith(PNG):
        return read_png(told)
    if isinstance(space, spaces.Discrete):
        if isinstance(told, bool) or not isinstance(told, int):
            raise TypeError("a whole number is wanted")
        return space.dtype.type(told) if space.dtype is not None else told
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return _array(told, np.dtype(space.dtype))
    return space.from_jsonable([told])[0]


def _array(told: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Numbers as an array; a fraction or a large number does not become a whole small one."""
    if dtype.kind == "f":
        return np.asarray(_numbers(told), dtype=dtype)
    wide = np.asarray(told)
    if wide.dtype.kind not in "biu":
        raise TypeError("whole numbers are wanted")
    narrow = wide.astype(dtype)
    if not np.array_equal(narrow, wide):
        raise ValueError(f"it does not fit {dtype}")
    return narrow


def _numbers(told: Any) -> Any:
    if isinstance(told, list):
        return [_numbers(item) for item in told]
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        raise TypeError("numbers are wanted")
    return float(told)


def plain(value: Any) -> Any:
    """What an info or a member of a space may hold, as what JSON can: numpy's things are unpacked.

    What JSON has nothing for becomes its text.
    """
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()] if value.ndim else plain(value.item())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _is_image(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.uint8
        and value.ndim == 3
        and value.shape[2] in _MODES
        and min(value.shape) > 0
    )


def png(image: npt.NDArray[np.uint8]) -> str:
    """An image as the ``data:`` address of a PNG.

    Args:
        image: uint8 array (height, width, channels) of 1, 3 or 4 channels.
    """
    file = io.BytesIO()
    flat = image[:, :, 0] if image.shape[2] == 1 else image
    Image.fromarray(np.ascontiguousarray(flat), _MODES[image.shape[2]]).save(file, "PNG")
    return PNG + base64.b64encode(file.getvalue()).decode("ascii")


def read_png(address: str) -> npt.NDArray[np.uint8]:
    """The image of the ``data:`` address of a PNG, as an array (height, width, channels).

    Raises:
        ValueError: If it cannot be read, or has more than `MAX_PIXELS`.
    """
    try:
        data = base64.b64decode(address.removeprefix(PNG), validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"an image of more than {MAX_PIXELS} pixels")
            if image.mode not in _MODES.values():
                raise ValueError(f"a PNG of mode {image.mode}")
            pixels = np.array(image)
    except (binascii.Error, OSError, SyntaxError) as error:
        raise ValueError(f"no PNG: {error}") from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def schema(space: Space[Any]) -> dict[str, Any]:
    """What the members of a space are in JSON, as JSON Schema, the space itself in words."""
    return {"description": str(space), **_schema(space)}


def _schema(space: Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Dict):
        parts = {str(key): schema(part) for key, part in space.spaces.items()}
        return {"type": "object", "properties": parts, "required": list(parts),
                "additionalProperties": False}  # fmt: skip
    if isinstance(space, spaces.Tuple):
        parts_in_order = [schema(part) for part in space.spaces]
        size = len(parts_in_order)
        return {"type": "array", "prefixItems": parts_in_order, "minItems": size, "maxItems": size}
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        return {"type": "integer", "minimum": first, "maximum": first + int(space.n) - 1}
    if isinstance(space, spaces.Text):
        return {"type": "string", "minLength": space.min_length, "maxLength": space.max_length}
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return _array_schema(np.dtype(space.dtype), tuple(space.shape or ()))
    return {}


def _array_schema(dtype: np.dtype[Any], shape: tuple[int, ...]) -> dict[str, Any]:
    if dtype == np.uint8 and len(shape) == 3 and shape[2] in _MODES:
        return {"type": "string", "contentEncoding": "base64", "pattern": f"^{PNG}"}
    told: dict[str, Any] = {"type": ["number", "string"] if dtype.kind == "f" else "integer"}
    for size in reversed(shape):
        told = {"type": "array", "items": told, "minItems": size, "maxItems": size}
    return told


def _short(told: Any) -> str:
    text = repr(told)
    return text if len(text) <= 80 else f"{text[:77]}…"
