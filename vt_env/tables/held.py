"""Rows that are held unpacked: in memory, or in a temporary file that has no name."""

from __future__ import annotations

import bisect
import os
import tempfile
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any


class Held:
    """Pieces of a table, and where each begins.

    Args:
        pieces: Record batches of Arrow.
        in_memory: Whether they take memory of their own.

    Attributes:
        size: Bytes of memory that they take.
    """

    def __init__(self, pieces: Sequence[Any], in_memory: bool = True) -> None:
        self._pieces = pieces
        self._starts = [0, *accumulate(piece.num_rows for piece in pieces)][:-1]
        self.size = sum(piece.nbytes for piece in pieces) if in_memory else 0

    def row(self, index: int) -> Any:
        """One row, as a record batch."""
        place = bisect.bisect_right(self._starts, index) - 1
        return self._pieces[place].slice(index - self._starts[place], 1)


def spilled(pieces: Iterable[Any]) -> Held:
    """Writes pieces to a temporary file and maps it into memory; its name is taken away at once.

    Args:
        pieces: Record batches of one schema, at least one.

    Raises:
        OSError: If there is no room for them.
    """
    import pyarrow as pa

    number, path = tempfile.mkstemp(prefix="visionthink-", suffix=".arrow")
    try:
        writer = None
        with os.fdopen(number, "wb") as file:
            for piece in pieces:
                writer = writer or pa.ipc.new_file(file, piece.schema)
                writer.write_batch(piece)
            if writer is not None:
                writer.close()
        reader = pa.ipc.open_file(pa.memory_map(path))
        return Held([reader.get_batch(n) for n in range(reader.num_record_batches)], False)
    finally:
        os.unlink(path)  # noqa: PTH108 - what is mapped stays until it is let go
