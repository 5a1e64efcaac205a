import html
import re
from pathlib import Path

import pytest

from benchmarks.report.html.figures import (
    endings,
    main_curves,
    number,
    parts_curves,
    plane,
    table,
    times,
)
from benchmarks.report.html.lines import Line, as_lines
from benchmarks.report.html.runs import Run, find_runs


@pytest.fixture
def lines(sweep: Path) -> list[Line]:
    return as_lines(find_runs([sweep]))


def titles(text: str) -> list[str]:
    return [html.unescape(title) for title in re.findall(r"<h3>(.*?)</h3>", text)]


def test_curves_of_what_is_logged(lines: list[Line]) -> None:
    text = main_curves(lines)
    assert titles(text) == [
        "Asks for the sharper image", "Answers correctly", "Reward",
        "Visual tokens, share of a full pass",
    ]  # fmt: skip
    assert "cheap: not needed" in text and "dear: needed" in text
    assert text.count('class="band c0"') == 5 and 'class="band c1"' not in text
    assert re.search(r"<td>\d+\.\d% \(\d+\.\d% to \d+\.\d%\)</td>", text)


def test_a_chart_a_setting_of_parts_that_are_ever_there(lines: list[Line]) -> None:
    text = parts_curves(lines, "endings/", "", "Endings", percent=True)
    assert titles(text) == ["Endings: cheap", "Endings: dear"]
    assert "cut off" in text and "malformed" not in text
    families = parts_curves(lines[:1], "by_family/", "/resize_call_ratio", "By family", True)
    assert titles(families) == ["By family"]
    assert "objects" in families and "charts" in families
    assert parts_curves(lines, "nothing/", "", "Nothing", True) == ""


def test_the_plane_has_every_policy_that_was_measured(lines: list[Line]) -> None:
    text = plane(lines)
    for name in ("trained: cheap", "always low", "always high", "start oracle"):
        assert name in text
    assert "untrained" not in text  # its accuracy is not known
    assert "accuracy 55.0%, visual tokens, share of a plain full pass 25%" in text
    assert plane([Line("a", (Run(Path("a"), "a", {}, []),))]).startswith("<p>No run")


def test_how_episodes_end(lines: list[Line]) -> None:
    text = endings(lines)
    assert "dear, held out" in text and "<td>2.0%</td>" in text
    assert "malformed" not in text


def test_time_by_phase_adds_up(lines: list[Line]) -> None:
    text = times(lines[:1])
    cells = [float(cell) for cell in re.findall(r"<td>([\d.]+)</td>", text)]
    assert cells[:5] == [0.8, 0.1, 0.1, 0.3, 0.1]
    assert sum(cells) == pytest.approx(1.525, abs=0.03)
    assert "no times" in times([Line("a", (Run(Path("a"), "a", {}, [{"iteration": 1}]),))])


def test_tables_name_rows_and_escape_heads() -> None:
    text = table(["", "a<b"], [["row", "1"]], "What & why")
    assert '<th scope="row">row</th><td>1</td>' in text
    assert "a&lt;b" in text and "<caption>What &amp; why</caption>" in text
    assert (number(None), number(0.12345), number(0.5, True)) == ("–", "0.1235", "50.0%")
