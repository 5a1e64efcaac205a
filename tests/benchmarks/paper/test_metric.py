"""Figure 6: the stock metric as it is printed, and where our judge differs."""

import pytest

from benchmarks.paper.metric import cases, printed_verdicts, says, stock, table


def test_the_stock_metric_says_what_the_paper_prints_of_it() -> None:
    told = [(truth, answer, paper) for truth, answer, paper in cases() if paper is not None]
    assert len(told) == 3
    for truth, answer, paper in told:
        assert stock(truth, answer) is paper


@pytest.mark.parametrize(
    ("truth", "answer", "right"),
    [("100", "105", True), ("100", "105.1", False), ("0", "0.0", True), ("0", "0.01", False),
     ("Yes", "yes", True), ("-10", "-9.6", True), ("red", "blue", False)],
)  # fmt: skip
def test_within_five_percent_else_the_same_text(truth: str, answer: str, right: bool) -> None:
    assert stock(truth, answer) is right


def test_a_year_that_is_off_by_one_is_wrong_for_our_judge_alone() -> None:
    rows = {row[:2]: row[2:4] for row in table(None)[1]}
    assert rows["2019", "2020"] == ("right", "wrong")
    assert rows["47", "46"] == ("right", "wrong")
    assert rows["1,200", "1200"] == ("wrong", "right")
    assert "2020 for 2019" in says(None)[0]
    assert len(printed_verdicts()[1]) == 3
