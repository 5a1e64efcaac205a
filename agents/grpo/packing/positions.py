"""Rotary positions of sequences with images, by the model's own function, a layout at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.grpo.packing.tree import Ints
from agents.models.vision import Grid

_STEP = 64
"""Texts behind the last image are computed for a multiple of so many tokens, so that few layouts
differ. The positions of a sequence are those of its beginning wherever it goes on: they are counted
from the left."""
_MOST = 4096
"""Layouts that are kept."""


class Positions:
    """M-RoPE positions of token sequences.

    Args:
        rope_index: The model's ``get_rope_index``; Qwen2.5-VL and Qwen3-VL each have their own.
        image_pad: Image placeholder id.
        merge: Patches along the side of a visual token.
    """

    def __init__(self, rope_index: Callable[..., Any], image_pad: int, merge: int) -> None:
        self._rope_index, self._pad, self._merge = rope_index, image_pad, merge
        self._kept: dict[tuple[Any, ...], Ints] = {}

    def __call__(self, ids: Ints, grids: Sequence[Grid]) -> Ints:
        """Positions of one sequence, (3, T).

        Args:
            ids: Its tokens, image pads expanded, (T,).
            grids: Grids of its images, in patches.
        """
        pads = ids == self._pad
        starts = np.flatnonzero(pads & ~np.concatenate([[False], pads[:-1]])).tolist()
        tail = len(ids) - (starts[-1] + self._tokens(grids[-1]) if starts else 0)
        layout = (tuple(starts), tuple(grids), -(-tail // _STEP))
        found = self._kept.get(layout)
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            found = self._kept[layout] = self._compute(pads, grids, -tail % _STEP)
        return found[:, : len(ids)]

    def _tokens(self, grid: Grid) -> int:
        frames, down, across = grid
        return frames * down * across // self._merge**2

    def _compute(self, pads: Any, grids: Sequence[Grid], more: int) -> Ints:
        """Positions of a row of these pads, with further text behind it."""
        import torch

        kinds = torch.from_numpy(np.pad(pads, (0, more)).astype(np.int32))[None]
        found, _ = self._rope_index(
            kinds.long(),
            mm_token_type_ids=kinds,
            image_grid_thw=torch.tensor(grids, dtype=torch.int64) if grids else None,
        )
        positions: Ints = found[:, 0].numpy()
        return positions
