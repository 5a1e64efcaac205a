"""Points and the bar."""

import json
from pathlib import Path

from benchmarks.parity.points import Point, closest, reached, read_points, summary, told
from benchmarks.safety.disk import write_json


def point(iteration: int, need: float, no_need: float) -> Point:
    return Point(iteration, 2.0 * iteration, need, no_need, 0.9, 1.2)


COURSE = [point(0, 0.7, 0.6), point(5, 0.95, 0.2), point(10, 0.9, 0.1), point(15, 0.99, 0.01)]


def test_the_bar_is_reached_with_both_shares() -> None:
    assert [p.at_the_bar for p in COURSE] == [False, False, True, True]
    assert reached(COURSE) == COURSE[2]
    assert reached(COURSE[:2]) is None


def test_the_closest_lacks_least_of_both() -> None:
    assert closest(COURSE[:2]) == COURSE[1]
    assert closest([point(0, 0.1, 0.0), point(5, 0.0, 0.0)]).iteration == 0
    assert closest(COURSE) == COURSE[2]


def test_a_point_is_made_of_the_slices_metrics() -> None:
    metrics = {
        "eval/request_rate_need": 0.8,
        "eval/request_rate_no_need": 0.3,
        "eval/accuracy": 0.7,
        "eval/reward": 1.1,
        "eval/visual_tokens/share_of_full": 0.6,
    }
    assert Point.of(5, 12.345, metrics) == Point(5, 12.3, 0.8, 0.3, 0.7, 1.1)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "trl.json"
    write_json(path, summary(COURSE))
    record = json.loads(path.read_text())
    assert read_points(record) == COURSE
    assert record["reached"]["iteration"] == 10
    assert summary(COURSE[:1])["reached"] is None
    assert list(tmp_path.iterdir()) == [path]


def test_a_line_says_whether_the_bar_was_reached() -> None:
    assert told("ours", COURSE).startswith("ours: at the bar after 10 iterations, 20 s: asks on 90")
    assert "not at the bar; closest after 5 iterations" in told("trl", COURSE[:2])
