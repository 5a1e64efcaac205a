"""The picture of a training that plays nothing: its loss, and the held-out slice."""

from pathlib import Path
from typing import Any

import matplotlib.axes
import pytest
from PIL import Image

from benchmarks.report.plots import plot_run


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[float]]]:
    """Labels and values of the curves that are drawn."""
    found: list[tuple[str, list[float]]] = []
    plot = matplotlib.axes.Axes.plot

    def watching(axis: Any, x: Any, y: Any, *words: Any, **options: Any) -> Any:
        found.append((options["label"], [float(value) for value in y]))
        return plot(axis, x, y, *words, **options)

    monkeypatch.setattr(matplotlib.axes.Axes, "plot", watching)
    return found


def test_loss_and_slice_are_drawn(tmp_path: Path, drawn: list[tuple[str, list[float]]]) -> None:
    rows: list[dict[str, float]] = [{"iteration": n, "loss": 1.0} for n in (1, 2, 3)]
    rows[1] |= {"eval/accuracy": 0.5}
    rows[2] |= {"eval/accuracy": 0.75}
    plot_run(rows, None, tmp_path / "a.png")
    assert drawn == [("loss", [1.0, 1.0, 1.0]), ("right", [0.5, 0.75])]
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[0] > 800


def test_what_was_played_is_drawn_by_family(
    tmp_path: Path, drawn: list[tuple[str, list[float]]]
) -> None:
    row = {"iteration": 1.0, "loss": 1.0, "by_family/maps/accuracy": 0.25}
    plot_run([row], None, tmp_path / "a.png")
    assert drawn == [("maps", [0.25])]
