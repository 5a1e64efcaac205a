"""What ``visionthink paper`` does: run what is missing, make the pages, and print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table as Shown

from benchmarks.paper.items import ITEMS, Item
from benchmarks.paper.material import Material, Table
from benchmarks.report.terminal import console
from benchmarks.sweeps import SWEEPS, trials
from benchmarks.sweeps.catalogue.definitions import Values
from benchmarks.sweeps.command import Wanted, do_sweep
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.training.provenance import provenance
from vt_env import UnknownNameError

ALL = "all"


@dataclass(frozen=True)
class Order:
    """The options of the command.

    Attributes:
        name: The item that is wanted; ``"all"``: every one; None: they are listed.
        seeds: Trials of each point.
        out: Folder of the pages; sweeps go beside it, to ``sweeps``.
        jobs: Trials at once; 0: as many as there is room for.
        address: A Ray cluster to join; None: this machine.
    """

    name: str | None
    seeds: int
    out: Path
    jobs: int
    address: str | None


def make(order: Order, given: Values) -> None:
    """Makes items: each a page in Markdown, with its sweep run before where it has one.

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
    for item in ITEMS.values() if order.name == ALL else (ITEMS[order.name],):
        made = _material(item, order, given)
        page = write_page(item, made, order.out)
        show_page(item, made)
        console.print(f"Page: {page}", soft_wrap=True)


def show_items() -> None:
    """Lists the items."""
    table = Shown(box=SIMPLE_HEAD)
    for label in ("item", "what it is", "needs"):
        table.add_column(label)
    for item in ITEMS.values():
        table.add_row(item.name, item.title, f"sweep {item.sweep}" if item.sweep else "nothing")
    console.print(table)
    console.print("visionthink paper ITEM, or all.")


def _material(item: Item, order: Order, given: Values) -> Material | None:
    """Runs what an item's sweep lacks."""
    if item.sweep is None:
        return None
    root = order.out / "sweeps"
    do_sweep(
        Wanted(item.sweep, (), order.seeds, item.only, False, order.jobs, order.address, root),
        given,
    )
    sweep = SWEEPS[item.sweep].only(item.only)
    return Material(sweep, trials(sweep, order.seeds, given), SweepFolder(root / sweep.name))


def write_page(item: Item, made: Material | None, out: Path) -> Path:
    """Writes an item as Markdown: ours, what it says, and the paper's, never mixed."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        f"# {item.title}",
        "",
        "## Ours",
        "",
        *_markdown(item.ours(made)),
    ]
    lines += ["", *item.says(made), "", "## The paper's", ""]
    headings, rows = item.theirs()
    lines += _markdown((headings, rows)) if rows else ["It prints no numbers."]
    lines += ["", "## How", "", f"- `visionthink paper {item.name}`"]
    if made is not None:
        seeds = sorted({trial.seed for trial in made.planned})
        lines += [f"- seeds {', '.join(map(str, seeds))}; run folders in `{made.folder.path}`"]
        if made.folder.path.joinpath("sweep.png").is_file():
            lines += [f"- picture: `{made.folder.path / 'sweep.png'}`"]
    told = provenance()
    lines += [f"- visionthink {told['visionthink']}, commit {told['commit']}, {told['started']}"]
    lines += [f"- {told['cores']} cores, Python {told['python']}, {told['system']}"]
    page = out / f"{item.name}.md"
    draft = page.with_suffix(".draft")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.replace(page)
    return page


def _markdown(table: Table) -> list[str]:
    headings, rows = table
    return [_line(headings), _line(["---"] * len(headings)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def show_page(item: Item, made: Material | None) -> None:
    """Prints both tables, ours first."""
    for title, (headings, rows) in (
        (f"{item.title}: ours", item.ours(made)),
        ("The paper's", item.theirs()),
    ):
        table = Shown(title=title, title_justify="left", box=SIMPLE_HEAD)
        for heading in headings:
            table.add_column(heading)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for sentence in item.says(made):
        console.print(sentence, markup=False)
