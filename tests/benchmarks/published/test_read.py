"""Published figures: every file is whole, says what its paper says, and errors name the field."""

from pathlib import Path

import pytest

from benchmarks.published import Figure, published, published_names, read_figures
from benchmarks.published.read import COLUMNS
from vt_env import DataError, UnknownNameError

HEADER = ",".join(COLUMNS)
GOOD = "VisionThink,2507.13348,Table 2,7,vanilla,,POPE,accuracy,86.7,percent,exact,"


def values(name: str, **wanted: str) -> list[float | None]:
    """Values of the rows whose fields are as wanted."""
    found = [
        figure
        for figure in published(name)
        if all(getattr(figure, field) == value for field, value in wanted.items())
    ]
    return [figure.value for figure in found]


@pytest.mark.parametrize("name", published_names())
def test_every_file_is_whole(name: str) -> None:
    figures = published(name)
    assert figures
    assert all(
        figure.source.startswith(f"{figure.work}, arXiv {figure.arxiv}") for figure in figures
    )


def test_table_2_has_every_cell() -> None:
    name = "visionthink-table2"
    assert len(published(name)) == 9 * 11
    assert values(name, method="VisionThink", benchmark="ChartQA") == [79.8]
    assert values(name, method="FastV", setting="70% tokens", benchmark="MME") == [2342]
    assert values(name, metric="retained_tokens") == [100, 25, 50, 50, 50, 70, 70, 70, 51.3]
    (ours,) = [
        f for f in published(name) if f.method == "VisionThink" and f.metric == "retained_tokens"
    ]
    assert ours.bound == "about"


def test_an_average_of_shares_is_that_of_its_columns() -> None:
    """The last column is the mean of the shares of vanilla: a cell that was mistyped shows.

    One row's is not, as it is printed: FastV at 50% says 95.8, and its columns say 95.2.
    """
    name = "visionthink-table2"
    cells = [f for f in published(name) if f.metric in ("accuracy", "score")]
    vanilla = {f.benchmark: f.value for f in cells if f.method == "vanilla"}
    for average in [f for f in published(name) if f.metric == "share_of_vanilla"]:
        key = (average.method, average.setting)
        shares = [
            100 * (f.value or 0.0) / (vanilla[f.benchmark] or 1.0)
            for f in cells
            if (f.method, f.setting) == key
        ]
        assert len(shares) == 9
        printed = 95.15 if key == ("FastV", "50% tokens") else average.value
        assert sum(shares) / 9 == pytest.approx(printed, abs=0.15), key


def test_the_figures_of_others_stand_beside_it() -> None:
    assert values("visionthink-requests", benchmark="DocVQA") == [6.5]
    assert values("visionthink-time", benchmark="POPE") == [1109, 766, 932]
    assert values("visionthink-metric") == [0, 0, 1]
    again = values("awares", method="VisionThink", benchmark="ChartQA")
    assert again == [79.90, 115]
    assert values("awares", method="AwaRes", benchmark="all", metric="accuracy") == [80.30]
    assert {f.work for f in published("later")} >= {"ERGO", "AutoTool"}


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="awares"):
        published("aware")


def test_a_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    (figure,) = read_figures(path)
    assert figure == Figure(
        "VisionThink", "2507.13348", "Table 2", 7, "vanilla", "", "POPE", "accuracy", 86.7,
        "percent", "exact", "",
    )  # fmt: skip
    assert figure.source == "VisionThink, arXiv 2507.13348, Table 2, p. 7"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD.replace("2507.13348", "2507"), "arxiv must be an id"),
        (GOOD.replace("86.7", "nan"), "value must be a finite number"),
        (GOOD.replace("86.7", "86,7"), "has not 12 fields"),
        (GOOD.replace("86.7", ""), "value is empty, and so is note"),
        (GOOD.replace("percent", "%"), "unit must be one of percent"),
        (GOOD.replace("exact", "sure"), "bound must be one of exact"),
        (GOOD.replace(",7,", ",0,"), "page must be a page from 1"),
        (GOOD.replace("vanilla", " "), "method is empty"),
        ("VisionThink,2507.13348", "has not 12 fields"),
        (GOOD, "is line 2 again"),
    ],
)
def test_a_bad_row_is_told_by_file_line_and_field(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n{line}\n")
    with pytest.raises(DataError) as caught:
        read_figures(path)
    told = str(caught.value)
    assert str(path) in told and "3" in told
    assert said.split(" ", 1)[1] in told or said in told
    if said.split(maxsplit=1)[0] in COLUMNS:
        assert caught.value.field == said.split(maxsplit=1)[0]
    assert caught.value.line == 3


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(DataError, match="cannot be read"):
        read_figures(path)
    path.write_text("work,value\nA,1\n")
    with pytest.raises(DataError, match="its columns must be work,arxiv"):
        read_figures(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot be read"):
        read_figures(path)
