"""Where a policy ends, and since when."""

import pytest

from benchmarks.sweeps.ends import (
    ALL,
    ALWAYS,
    BETWEEN,
    NEED,
    NEVER,
    NO_NEED,
    RIGHT,
    end_of,
    settled,
)


@pytest.mark.parametrize(
    ("need", "no_need", "end"),
    [
        (0.99, 0.02, RIGHT),
        (0.9, 0.1, RIGHT),
        (1.0, 0.97, ALWAYS),
        (0.0, 0.0, NEVER),
        (0.1, 0.1, NEVER),
        (0.5, 0.0, BETWEEN),
        (0.95, 0.5, BETWEEN),
        (0.0, 0.95, BETWEEN),  # asks about the wrong ones
        (None, 0.97, ALWAYS),
        (None, 0.02, RIGHT),
        (float("nan"), 0.5, BETWEEN),
        (0.0, None, NEVER),
    ],
)
def test_the_end_is_told_by_both_rates(need: float | None, no_need: float | None, end: str) -> None:
    assert end_of({NEED: need, NO_NEED: no_need}) == end


@pytest.mark.parametrize(("asks", "end"), [(0.95, ALWAYS), (0.0, NEVER), (0.5, BETWEEN)])
def test_of_data_whose_need_nobody_knows_no_end_is_right(asks: float, end: str) -> None:
    row = {NEED: None, NO_NEED: None, ALL: asks}
    assert end_of(row) == end
    assert settled([{"iteration": 1, ALL: asks}], end) == 1
    assert end_of({}) == BETWEEN


def rows(rates: list[tuple[float | None, float]]) -> list[dict[str, float]]:
    return [
        {"iteration": n, NO_NEED: other, **({} if need is None else {NEED: need})}
        for n, (need, other) in enumerate(rates, 1)
    ]


def test_it_is_settled_from_the_iteration_on_that_it_stays() -> None:
    there, away = (1.0, 0.0), (0.0, 0.0)
    assert settled(rows([there] * 6), RIGHT) == 1
    # Means over five: the last of two iterations away is forgotten four later.
    assert settled(rows([there, away, away] + [there] * 6), RIGHT) == 8
    assert settled(rows([there] * 6 + [away] * 5), RIGHT) is None
    assert settled(rows([away] * 5 + [there] * 5), RIGHT) == 10


def test_an_iteration_without_samples_in_need_hides_nothing() -> None:
    course = rows([(0.0, 0.0), (None, 0.0), (None, 0.0)])
    assert settled(course, NEVER) == 1
    assert settled(course, RIGHT) is None


def test_where_nothing_is_played_nothing_is_settled() -> None:
    """Iterations of fine-tuning have a loss alone."""
    assert settled([{"iteration": 1, "loss": 0.5}, {"iteration": 2, "loss": 0.25}], RIGHT) is None
