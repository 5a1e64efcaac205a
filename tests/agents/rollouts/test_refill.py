"""Dropped groups are made good by further ones of the stream, up to a bound, the same each time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rollouts.filters import has_spread
from agents.rollouts.refill import POSITION, gather
from agents.rollouts.trajectory import Trajectory
from tests.agents.helpers import trajectory


class Stream:
    """Groups of two at positions of a stream; those at the positions named spread their rewards."""

    def __init__(self, spread: set[int]) -> None:
        self.spread, self.asked = spread, list[tuple[int, int]]()

    def __call__(self, start: int, count: int) -> list[Trajectory]:
        self.asked.append((start, count))
        return [
            trajectory(
                sample_id=str(n),
                reward_terms={"accuracy": float(member if n in self.spread else 1)},
            )
            for n in range(start, start + count)
            for member in range(2)
        ]


def names(episodes: Sequence[Trajectory]) -> list[str]:
    return [t.sample_id for t in episodes[::2]]


def test_what_is_missing_is_played_further_on() -> None:
    stream = Stream({10, 13, 14, 16})
    found = gather(stream, has_spread, start=10, wanted=4, size=2, max_refills=2)
    assert stream.asked == [(10, 4), (14, 2), (16, 1)]
    assert names(found.kept) == ["10", "13", "14", "16"]
    assert names(found.played) == [str(n) for n in range(10, 17)]
    assert found.position == 17
    assert found.metrics == {
        "groups/dropped_share": pytest.approx(3 / 7),
        "groups/refilled": 2.0,
        "groups/extra_episodes": 6.0,
        POSITION: 17.0,
    }


def test_the_bound_ends_it_with_what_is_there_or_nothing() -> None:
    for spread, kept in (({1}, ["1"]), (set[int](), [])):
        stream = Stream(spread)
        found = gather(stream, has_spread, start=0, wanted=3, size=2, max_refills=1)
        assert names(found.kept) == kept
        assert found.position == len(found.played) // 2 == 6 - len(kept)
    stream = Stream({0})
    assert gather(stream, has_spread, start=0, wanted=3, size=2).position == 3
    assert stream.asked == [(0, 3)]


def test_runners_have_even_shares_and_a_surplus_is_left_out() -> None:
    stream = Stream({1, 2, 3, 4, 5})
    found = gather(stream, has_spread, start=0, wanted=4, size=2, max_refills=3, multiple=2)
    assert stream.asked == [(0, 4), (4, 2)]
    assert names(found.kept) == ["1", "2", "3", "4"]
    assert found.metrics["groups/dropped_share"] == pytest.approx(1 / 6)
    assert found.metrics["groups/refilled"] == 1.0


@given(
    spread=st.sets(st.integers(0, 60)),
    wanted=st.integers(1, 4),
    refills=st.integers(0, 4),
    multiple=st.integers(1, 3),
)
def test_nothing_is_skipped_or_played_twice(
    spread: set[int], wanted: int, refills: int, multiple: int
) -> None:
    stream = Stream(spread)
    wanted *= multiple
    found = gather(
        stream,
        has_spread,
        start=5,
        wanted=wanted,
        size=2,
        max_refills=refills,
        multiple=multiple,
    )
    assert names(found.played) == [str(n) for n in range(5, found.position)]
    assert len(stream.asked) <= 1 + refills
    assert all(count % multiple == 0 for _, count in stream.asked)
    telling = [n for n in map(int, names(found.played)) if n in spread]
    assert list(map(int, names(found.kept))) == telling[:wanted]
    assert len(telling) >= wanted or len(stream.asked) == 1 + refills
