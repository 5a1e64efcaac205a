"""What ``visionthink paper`` does: run what is missing, make the pages, and print them."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table as Shown

from benchmarks.paper.items import ITEMS, Item
from benchmarks.paper.pages import show_page, write_index, write_page
from benchmarks.paper.runs import Order, material
from benchmarks.report.terminal import console
from benchmarks.sweeps.catalogue.definitions import Values
from vt_env import UnknownNameError

ALL = "all"


def make(order: Order, given: Values) -> None:
    """Makes items: each a page in Markdown, with its sweeps run before where it has any.

    Args:
        order: The options.
        given: Settings of the user's, by path, which hold for every trial.

    Raises:
        UnknownNameError: If there is no such item.
        TrainingError: If a trial failed.
    """
    if order.name is None:
        show_items()
        return
    if order.name not in (ALL, *ITEMS):
        raise UnknownNameError("item of the paper", order.name, (ALL, *ITEMS))
    said = {}
    for item in ITEMS.values() if order.name == ALL else (ITEMS[order.name],):
        made = material(item, order, given)
        page = write_page(item, made, order.out)
        show_page(item, made)
        console.print(f"Page: {page}", soft_wrap=True)
        said[item.name] = (item, item.says(made))
    if order.name == ALL:
        console.print(f"All of them: {write_index(said, order.out)}", soft_wrap=True)


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
