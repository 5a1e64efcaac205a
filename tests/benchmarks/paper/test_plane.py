"""Table 2: deciding beside chance, at the same tokens."""

import pytest

from benchmarks.paper import plane
from benchmarks.paper.material import Material


def test_every_way_has_its_place(penalty: Material) -> None:
    places = {name: (right, tokens) for name, right, tokens in plane.rows_of(penalty)}
    assert places["vanilla"] == (0.9, 1.0)
    assert places["ours"] == (pytest.approx(0.95), 0.75)
    # The start is right on one of two at once, on both after a request: half the way at 0.75.
    assert places["random, as many tokens"] == (pytest.approx(0.75), pytest.approx(0.75))
    assert plane.table(penalty)[1][0] == ("vanilla", "100.0%", "90.0%", "100.0%")
    assert "worth 20.0 points" in plane.says(penalty)[0]
    assert plane.printed_plane()[1]
