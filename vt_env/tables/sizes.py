"""What rows of an Arrow table take as values of Python: more than the table where it repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_VALUE = 64
"""Bytes of a value beside its content, about."""
Sizes = npt.NDArray[np.int64]


def row_sizes(table: Any) -> Sizes:
    """Bytes of every row, unpacked; nothing is unpacked for it.

    Args:
        table: A `pyarrow.Table` or `pyarrow.RecordBatch`.
    """
    whole = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        chunks = getattr(column, "chunks", None)
        parts = [_sizes(chunk) for chunk in ([column] if chunks is None else chunks)]
        if parts:
            whole += np.concatenate(parts)
    return whole


def _sizes(array: Any) -> Sizes:
    """Bytes of every value of an array."""
    import pyarrow as pa

    if isinstance(array.type, pa.BaseExtensionType):
        return _sizes(array.storage)
    for names, size in _BY_TYPE.items():
        if any(getattr(pa.types, f"is_{name}")(array.type) for name in names):
            return size(array)
    return np.full(len(array), _VALUE, np.int64)


def _dictionary(array: Any) -> Sizes:
    import pyarrow.compute as pc

    sizes = _sizes(array.dictionary)
    if not len(sizes):
        return np.full(len(array), _VALUE, np.int64)
    places = np.asarray(pc.fill_null(array.indices, 0)).astype(np.int64)
    return np.where(np.asarray(array.indices.is_valid()), sizes[places], _VALUE)


def _runs(array: Any) -> Sizes:
    places = np.arange(len(array)) + array.offset
    runs = np.searchsorted(np.asarray(array.run_ends), places, side="right")
    return np.asarray(_sizes(array.values)[runs])


def _struct(array: Any) -> Sizes:
    whole = np.full(len(array), _VALUE, np.int64)
    for part in array.flatten():
        whole += _sizes(part)
    return whole


def _list(array: Any) -> Sizes:
    edges = np.asarray(array.offsets)
    return _spans(_sizes(array.values), edges[:-1], edges[1:])


def _list_view(array: Any) -> Sizes:
    starts = np.asarray(array.offsets)
    return _spans(_sizes(array.values), starts, starts + np.asarray(array.sizes))


def _fixed_list(array: Any) -> Sizes:
    edges = (np.arange(len(array) + 1) + array.offset) * array.type.list_size
    return _spans(_sizes(array.values), edges[:-1], edges[1:])


def _spans(sizes: Sizes, starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> Sizes:
    summed = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return np.asarray(summed[ends] - summed[starts] + _VALUE)


def _text(array: Any) -> Sizes:
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.binary_length(array), 0)
    return np.asarray(np.asarray(lengths).astype(np.int64) + _VALUE)


def _viewed_text(array: Any) -> Sizes:
    import pyarrow as pa

    return _text(array.cast(pa.large_binary()))


_BY_TYPE: dict[tuple[str, ...], Callable[[Any], Sizes]] = {
    ("dictionary",): _dictionary,
    ("run_end_encoded",): _runs,
    ("struct",): _struct,
    ("list", "large_list", "map"): _list,
    ("list_view", "large_list_view"): _list_view,
    ("fixed_size_list",): _fixed_list,
    ("string", "large_string", "binary", "large_binary", "fixed_size_binary"): _text,
    ("string_view", "binary_view"): _viewed_text,
}
