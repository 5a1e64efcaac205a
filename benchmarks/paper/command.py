"""What ``visionthink paper`` does: run what is missing, make the pages, and print them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table as Shown

from agents import TrainingError
from benchmarks.paper.items import ITEMS, Item
from benchmarks.paper.pages import show_page, write_index, write_page
from benchmarks.paper.runs import Order, material
from benchmarks.report.terminal import console
from benchmarks.sweeps.catalogue.definitions import Values
from benchmarks.sweeps.run import SweepInterruptedError
from vt_env import UnknownNameError, VisionThinkError

ALL = "all"


def make(order: Order, given: Values) -> None:
    """Makes items: each a page in Markdown, with its sweeps run before where it has any.

    Args:
        order: The options.
        given: Settings of the user's, by path, which hold for every trial.

    Raises:
        UnknownNameError: If there is no such item.
        TrainingError: If a trial failed; of all items the others are made before.
        SweepInterruptedError: If a sweep was ended; nothing more is begun.
    """
    if order.name is None:
        show_items()
        return
    if order.name not in (ALL, *ITEMS):
        raise UnknownNameError("item of the paper", order.name, (ALL, *ITEMS))
    if order.name != ALL:
        _make(ITEMS[order.name], order, given)
        return
    said, failed = {}, {}
    for item in ITEMS.values():
        try:
            said[item.name] = (item, _make(item, order, given))
        except SweepInterruptedError:  # by somebody who wants none of the others either
            raise
        except VisionThinkError as error:  # the others are made all the same
            console.print(f"{item.name}: {error}", markup=False, soft_wrap=True)
            failed[item.name] = error
    console.print(f"All of them: {write_index(said, order.out)}", soft_wrap=True)
    if failed:
        lines = [f"  {name}: {error}" for name, error in failed.items()]
        raise TrainingError("\n".join(["These could not be made:", *lines]))


def _make(item: Item, order: Order, given: Values) -> Sequence[str]:
    """Makes one item's page, and returns what it says."""
    made = material(item, order, given)
    page = write_page(item, made, order.out)
    show_page(item, made)
    console.print(f"Page: {page}", soft_wrap=True)
    return item.says(made)


def show_items() -> None:
    """Lists the items."""
    table = Shown(box=SIMPLE_HEAD)
    for label in ("item", "what it is", "needs"):
        table.add_column(label)
    for item in ITEMS.values():
        table.add_row(item.name, item.title, _needs(item))
    console.print(table)
    console.print("visionthink paper ITEM, or all.")


def _needs(item: Item) -> str:
    if item.sweep is None:
        return "nothing"
    names = [item.sweep, *(name for name, _ in item.beside)]
    return f"sweep{'s' * (len(names) > 1)} {', '.join(names)}"
