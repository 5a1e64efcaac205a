"""A group of token sequences as one prefix tree; pure NumPy.

The answers to one question share image, question and often the first turn. A tree has each distinct
prefix once. Its nodes are numbered in the order of a walk that finishes a branch before it starts
the next, so a parent stands before its children and the nodes below a node follow it without a gap:
node ``y`` is ``x`` or an ancestor of ``x`` exactly where ``y <= x < ends[y]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PrefixTree:
    """The distinct prefixes of M sequences, N of them.

    Attributes:
        member: A sequence that each node's prefix is of, (N,).
        place: Where in that sequence the prefix ends, (N,).
        ends: One more than the number of the last node below each node (or the node itself), (N,).
        paths: Nodes along each sequence, as long as it is.
    """

    member: Ints
    place: Ints
    ends: Ints
    paths: tuple[Ints, ...]

    def __len__(self) -> int:
        return len(self.ends)


def prefix_tree(sequences: Sequence[Ints]) -> PrefixTree:
    """Builds the tree of some sequences.

    In sorted order a sequence shares its longest prefix with the one before it, so each adds the
    nodes behind that prefix and closes the branch that it left.

    Args:
        sequences: Symbols, equal where what stands there is equal; none is empty.
    """
    # Big-endian bytes sort as the numbers do, and a prefix before what goes on.
    order = sorted(range(len(sequences)), key=lambda n: sequences[n].astype(">i8").tobytes())
    paths: list[Ints] = [np.zeros(0, np.int64)] * len(sequences)
    ends = np.zeros(sum(map(len, sequences)), np.int64)
    members, places, count = [], [], 0
    before, path = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for number in order:
        symbols = sequences[number]
        shared = _shared(before, symbols)
        ends[path[shared:]] = count
        added = len(symbols) - shared
        path = np.concatenate([path[:shared], np.arange(count, count + added)])
        members.append(np.full(added, number))
        places.append(np.arange(shared, len(symbols)))
        paths[number], before, count = path, symbols, count + added
    ends[path] = count
    return PrefixTree(np.concatenate(members), np.concatenate(places), ends[:count], tuple(paths))


def _shared(one: Ints, two: Ints) -> int:
    """Length of the longest common prefix."""
    length = min(len(one), len(two))
    differing = np.flatnonzero(one[:length] != two[:length])
    return int(differing[0]) if len(differing) else length
