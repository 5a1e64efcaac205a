"""Figures 1 and 5: by family."""

from benchmarks.paper import families
from benchmarks.paper.material import Material


def test_full_quarter_and_ours(penalty: Material) -> None:
    headings, rows = families.accuracy(penalty)
    assert headings == ("family", "full (vanilla)", "quarter", "ours")
    assert rows == [
        ("charts", "45.0%", "25.0%", "80.0%"),
        ("maps", "90.0%", "50.0%", "80.0%"),
        ("all", "90.0%", "50.0%", "95.0%"),
    ]
    (told,) = families.says_accuracy(penalty)
    assert "right on 95.0% with 75.0% of the tokens" in told
    assert {row[0] for row in families.printed_accuracy()[1]} == {
        "vanilla", "down-sample", "VisionThink",
    }  # fmt: skip


def test_requests_by_family(penalty: Material) -> None:
    assert families.requests(penalty)[1] == [
        ("charts", "75.0%", "60.0%"),
        ("maps", "25.0%", "60.0%"),
    ]
    assert "From 25.0% of maps to 75.0% of charts" in families.says_requests(penalty)[0]
    assert len(families.printed_requests()[1]) == 6
