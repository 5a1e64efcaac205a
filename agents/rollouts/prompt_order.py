"""Which samples come when: a pure function of seed and position, so that a run can be resumed."""

from __future__ import annotations

import numpy as np

_SHUFFLE_UP_TO = 1_000_000


def prompt_indices(size: int, seed: int, start: int, count: int) -> list[int]:
    """Indices of the prompts at positions `start` to `start + count` of an endless stream.

    A dataset is gone through in a fresh random order each epoch. Beyond a million samples the
    order is drawn with replacement, to keep memory flat.

    Args:
        size: Samples in the dataset, at least 1.
        seed: Seed of the stream.
        start: Position of the first prompt, from 0.
        count: Prompts wanted.
    """
    if size > _SHUFFLE_UP_TO:
        return [
            int(np.random.default_rng([seed, position]).integers(size))
            for position in range(start, start + count)
        ]
    orders: dict[int, np.ndarray] = {}
    indices = []
    for position in range(start, start + count):
        epoch, place = divmod(position, size)
        if epoch not in orders:
            orders[epoch] = np.random.default_rng([seed, epoch]).permutation(size)
        indices.append(int(orders[epoch][place]))
    return indices
