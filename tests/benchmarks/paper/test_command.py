"""A page holds ours and the paper's, apart, and how it was made."""

from pathlib import Path

import pytest

from agents import TrainingError
from benchmarks.paper import ITEMS, Item
from benchmarks.paper.command import make
from benchmarks.paper.runs import Order
from benchmarks.report.terminal import console
from benchmarks.sweeps import SWEEPS
from benchmarks.sweeps.run import SweepInterruptedError
from vt_env import UnknownNameError


def order(name: str | None, out: Path) -> Order:
    return Order(name, 3, out, out / "sweeps", 0, None)


def test_an_item_without_a_sweep_is_made_at_once(tmp_path: Path) -> None:
    with console.capture() as shown:
        make(order("fig6", tmp_path), {})
    assert "They differ on" in shown.get()
    page = (tmp_path / "fig6.md").read_text()
    assert page.index("## Ours") < page.index("## The paper's") < page.index("## How")
    assert "| 2019 | 2020 | right | wrong |" in page and "arXiv 2507.13348, Fig. 6" in page
    assert "- `visionthink paper fig6`" in page


def test_every_item_names_a_sweep_with_its_points() -> None:
    for item in ITEMS.values():
        assert item.sweep is None or SWEEPS[item.sweep].only(item.only).points
        assert all(SWEEPS[name].only(pattern).points for name, pattern in item.beside)


def test_items_are_listed_and_unknown_ones_refused(tmp_path: Path) -> None:
    with console.capture() as shown:
        make(order(None, tmp_path), {})
    assert all(name in shown.get() for name in ITEMS)
    with pytest.raises(UnknownNameError, match="'fig3a'"):
        make(order("fig3", tmp_path), {})


def test_what_fails_does_not_end_the_rest_of_all(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"could not be made:\n  fig1: .*run\.threads"):
        make(order("all", tmp_path), {"run.threads": -1})
    index = (tmp_path / "README.md").read_text()
    assert "| [fig6](fig6.md) |" in index and "fig1" not in index


def test_ending_a_sweep_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ended(item: Item, *_: object) -> None:
        asked.append(item.name)
        raise SweepInterruptedError("12 trials are not done.")

    monkeypatch.setattr("benchmarks.paper.command.material", ended)
    with pytest.raises(SweepInterruptedError):
        make(order("all", tmp_path), {})
    assert asked == ["fig1"], "nothing more is begun"
