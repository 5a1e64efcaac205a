"""Prefix trees against the definition: plain sets of prefixes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.grpo.packing.tree import prefix_tree

SEQUENCES = st.lists(
    st.lists(st.sampled_from([0, 1, 255, 256, 2**40]), min_size=1, max_size=9),
    min_size=1,
    max_size=9,
)


@given(SEQUENCES)
def test_a_tree_has_each_prefix_once_and_knows_its_ancestors(sequences: list[list[int]]) -> None:
    tree = prefix_tree([np.array(s, np.int64) for s in sequences])
    prefixes = [tuple(sequences[m][: p + 1]) for m, p in zip(tree.member, tree.place, strict=True)]
    expected = {tuple(s[: n + 1]) for s in sequences for n in range(len(s))}
    assert len(prefixes) == len(tree) == len(expected)
    assert set(prefixes) == expected
    for sequence, path in zip(sequences, tree.paths, strict=True):
        assert [prefixes[node] for node in path] == [
            tuple(sequence[: n + 1]) for n in range(len(sequence))
        ]
        assert (np.diff(path) > 0).all(), "a parent stands before its children"
    for x, below in enumerate(prefixes):
        for y, above in enumerate(prefixes):
            is_ancestor = below[: len(above)] == above
            assert (y <= x < tree.ends[y]) == is_ancestor


@pytest.mark.parametrize("count", [1, 5])
def test_equal_sequences_are_one_chain(count: int) -> None:
    tree = prefix_tree([np.arange(4)] * count)
    assert tree.ends.tolist() == [4, 4, 4, 4]
    assert all(path.tolist() == [0, 1, 2, 3] for path in tree.paths)
