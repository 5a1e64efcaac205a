"""Figure 4: who is faster, by how much, and how sure that is."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.paper import seconds
from benchmarks.paper.material import Material


def timed(made: Material, ours: float) -> Material:
    """Times as they are measured; those of full lie between 10 and 11 seconds."""
    ways: dict[str, Any] = {
        "full (vanilla)": {"seconds": [11.0, 10.0, 10.0], "engine": [8.0, 9.0, 8.5], "tokens": 1.0},
        "quarter": {"seconds": [5.0, 5.0, 5.0], "engine": [4.0, 4.0, 4.0], "tokens": 0.25},
        "ours": {"seconds": [ours] * 3, "engine": [3.0, 3.0, 3.0], "tokens": 0.75},
    }
    return replace(made, measured={"samples": 600, "load": 0.5, "ways": ways})


def test_the_best_and_the_median_of_each(penalty: Material) -> None:
    headings, rows = seconds.table(timed(penalty, 8.0))
    assert rows[0] == ("full (vanilla)", "10.00", "10.00", "100.0%", "8.00", "8.50", "100.0%")
    assert dict(zip(headings, rows[2], strict=True))["of full's"] == "80.0%"


@pytest.mark.parametrize(("ours", "said"), [(8.0, "80.0% of the"), (12.0, "120.0% of the")])
def test_faster_or_slower_than_full(penalty: Material, ours: float, said: str) -> None:
    told = " ".join(seconds.says(timed(penalty, ours)))
    assert said in told and ("less than it" in told) == (ours < 10)
    assert "from 44.1% (DocVQA) to 166.9% (ChartQA)" in told
    assert "differ by up to 10.0%" in told
    assert "33.3% of the seconds of a pass do not hang on" in told


def test_the_fixed_share_is_a_share() -> None:
    assert [seconds.fixed_share(part) for part in (0.1, 0.25, 0.625, 1.0, 1.2)] == [
        0.0, 0.0, 0.5, 1.0, 1.0,
    ]  # fmt: skip


def test_each_way_begins_in_turn() -> None:
    found = seconds.order(3)
    assert found[::3] == list(seconds.WAYS)
    assert all(found.count(name) == 3 for name in seconds.WAYS)


def test_the_papers_numbers_are_there() -> None:
    assert len(seconds.printed_seconds()[1]) == 15
    assert len(seconds.printed_shares()) == 5
