"""Table 2: deciding beside chance, at the same tokens."""

from dataclasses import replace

import pytest

from benchmarks.paper import plane
from benchmarks.paper.material import Material
from tests.benchmarks.paper.test_router import SAMPLES


def test_every_way_has_its_place(penalty: Material) -> None:
    places = {name: (right, tokens) for name, right, tokens in plane.rows_of(penalty)}
    assert places["vanilla"] == (0.9, 1.0)
    assert places["ours"] == (pytest.approx(0.95), 0.75)
    # The start is right on one of two at once, on both after a request: half the way at 0.75.
    assert places["random, as many tokens"] == (pytest.approx(0.75), pytest.approx(0.75))
    assert plane.table(penalty)[1][0] == ("vanilla", "100.0%", "90.0%", "100.0%")
    assert "worth 20.0 points" in plane.says(penalty)[0]
    assert plane.printed_plane()[1]


def test_routers_have_a_row_that_says_where_the_threshold_is_from(penalty: Material) -> None:
    found = [vars(one) for one in SAMPLES]
    measured = {"ours": [0.75], "validation": found, "reported": found}
    made = replace(penalty, measured=measured)
    names = [row[0] for row in plane.table(made)[1]]
    assert names[-3:] == ["router, mean log-prob", "router, least log-prob", "ours"]
    told = " ".join(plane.says(made))
    assert "100.0% with 75.0% of the tokens (mean log-prob), 5.0 points more than ours" in told
    assert "chosen on 4 validation samples" in told
    assert "were not measured" in " ".join(plane.says(penalty))
