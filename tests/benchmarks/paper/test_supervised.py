"""Table 8: what is said of fine-tuning follows the figures."""

from dataclasses import replace

import pytest

from benchmarks.paper import supervised
from benchmarks.paper.material import Material
from tests.benchmarks.paper.conftest import alter


@pytest.fixture
def both(penalty: Material, taught: Material) -> Material:
    return replace(penalty, beside={"sft": taught})


def test_a_row_a_way_of_learning(both: Material) -> None:
    headings, rows = supervised.table(both)
    named = {row[0]: dict(zip(headings, row, strict=True)) for row in rows}
    assert list(named)[:4] == ["before RL, T=1", "SFT, oracle", "SFT, best", "RL"]
    assert (named["SFT, best"]["asks"], named["RL"]["asks"]) == ("60.0%", "48.0%")
    assert named["before RL, T=1"]["right"] == "70.0%"
    assert named["RL"]["regret"] == "0.050" and named["RL"]["common"]
    assert named["RL, T=1"]["right"] == "90.0%" and named["RL, T=1"]["common"] == ""


@pytest.mark.parametrize(
    ("rate", "said"),
    [(0.3, "SFT asks less than RL, 30.0% and 48.0% (in the paper it asks too often)"),
     (0.47, "SFT asks as often as RL, 47.0% and 48.0% (in the paper"),
     (0.7, "SFT asks more than RL, 70.0% and 48.0% (as in the paper)")],
)  # fmt: skip
def test_as_in_the_paper_or_not(both: Material, rate: float, said: str) -> None:
    alter(both.beside["sft"], "oracle", resize_call_ratio=rate)
    assert said in supervised.says(both)[0]


def test_who_is_right_most_often(both: Material) -> None:
    alter(both.beside["sft"], "best", accuracy=0.99)
    assert "SFT, best is right most often" in " ".join(supervised.says(both))
    alter(both, "paper-theta0.2", accuracy=1.0)
    alter(both.beside["sft"], "oracle", accuracy=0.985)
    assert "They are right alike: SFT, oracle 98.5%," in " ".join(supervised.says(both))
    alter(both.beside["sft"], "oracle", accuracy=0.9)
    assert "RL is right most often" in " ".join(supervised.says(both))


def test_the_papers_words_are_there() -> None:
    headings, rows = supervised.printed_supervised()
    assert any("requests too often" in row for row in rows)
    assert len(rows) == 7 and all(len(row) == len(headings) for row in rows)
