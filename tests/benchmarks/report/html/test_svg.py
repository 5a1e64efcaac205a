from xml.etree import ElementTree

import pytest

from benchmarks.report.html.lines import Curve
from benchmarks.report.html.svg import (
    HEIGHT,
    WIDTH,
    Mark,
    Trace,
    limits,
    line_chart,
    scatter,
    stacked_bar,
    swatch,
    ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 0.043, [0, 0.01, 0.02, 0.03, 0.04]),
        (-0.3, 1.1, [0, 0.5, 1.0]),
        (1, 50, [10, 20, 30, 40, 50]),
    ],
)
def test_ticks_are_round(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == found


def test_iterations_are_whole() -> None:
    assert ticks(1, 3, whole=True) == [1, 2, 3]
    assert all(tick == int(tick) for tick in ticks(1, 7, whole=True))


def test_limits_hold_the_values() -> None:
    assert limits([0.2, 0.9], percent=True) == (0.0, 1.0)
    assert limits([0.2, 1.3], percent=True)[1] > 1.3
    low, high = limits([5.0, 5.0])
    assert low < 5.0 < high
    assert limits([]) == pytest.approx((0.0, 1.06))


def test_a_line_chart_is_whole_and_says_what_it_is() -> None:
    flat = Curve((1, 2, 3), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    band = Curve((1, 3), (0.2, 0.4), (0.1, 0.3), (0.3, 0.5))
    text = line_chart("A & B", [Trace("a", flat, 0), Trace("b", band, 9, 1)], "It <rises>.", True)
    root = ElementTree.fromstring(text)
    assert root.attrib["aria-label"] == "A & B. It <rises>."
    bands = [p for p in root.iter("path") if "band" in p.attrib["class"]]
    assert [p.attrib["class"] for p in bands] == ["band c1"]
    numbers = [
        float(value)
        for p in root.iter("path")
        for value in p.attrib["d"].replace("M", " ").replace("L", " ").replace("Z", " ")
        .replace("H", " ").replace("V", " ").split()
    ]  # fmt: skip
    assert numbers and min(numbers) >= 0 and max(numbers) <= max(WIDTH, HEIGHT)


def test_one_point_is_drawn() -> None:
    one = Curve((7,), (0.5,), (0.5,), (0.5,))
    root = ElementTree.fromstring(line_chart("A", [Trace("", one, 0)], ""))
    assert len(list(root.iter("circle"))) == 1


@pytest.mark.parametrize("kind", ["dot", "star", "square", "diamond", "hollow", "ring"])
def test_marks(kind: str) -> None:
    text = scatter("P", [Mark("policy", 0.7, 0.9, 3, kind)], "", ("tokens", "accuracy"))
    (told,) = ElementTree.fromstring(text).iter("title")
    assert told.text == "policy: accuracy 90.0%, tokens 70%"
    assert "c3" in swatch(3, kind=kind)


def test_a_bar_is_filled_by_its_parts() -> None:
    root = ElementTree.fromstring(stacked_bar([("a", 1.0, 0), ("b", 3.0, 1)], 4.0))
    assert [r.attrib["width"] for r in root.iter("rect")] == ["25.00%", "75.00%"]
