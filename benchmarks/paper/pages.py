"""Pages of items, and the page that lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table as Shown

from benchmarks.paper.items import Item
from benchmarks.paper.material import Material, Table
from benchmarks.paper.reuse import taken_from
from benchmarks.report.provenance import provenance
from benchmarks.report.terminal import console
from benchmarks.safety.disk import write_whole

INDEX = "README.md"


def write_page(item: Item, made: Material | None, out: Path) -> Path:
    """Writes an item as Markdown: ours, what it says, and the paper's, never mixed.

    Args:
        item: The item.
        made: What it is made of.
        out: Folder of the pages; a picture goes beside the page.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"# {item.title}", "", "## Ours", "", *_markdown(item.ours(made))]
    if item.draw is not None and made is not None:
        item.draw(made, out / f"{item.name}.png")
        lines += ["", f"![{item.title}]({item.name}.png)"]
    lines += ["", *item.says(made), "", "## The paper's", ""]
    headings, rows = item.theirs()
    lines += _markdown((headings, rows)) if rows else ["It prints no numbers."]
    lines += ["", "## How", "", f"- `visionthink paper {item.name}`", *_sources(made)]
    told = provenance()
    lines += [f"- visionthink {told['visionthink']}, commit {told['commit']}, {told['started']}"]
    lines += [f"- {told['cores']} cores, Python {told['python']}, {told['system']}"]
    return _write(out / f"{item.name}.md", lines)


def _sources(made: Material | None) -> list[str]:
    """Seeds, run folders and pictures of the sweeps."""
    if made is None:
        return []
    lines = []
    for one in (made, *made.beside.values()):
        seeds = ", ".join(map(str, sorted({trial.seed for trial in one.planned})))
        lines.append(f"- seeds {seeds}; run folders in `{one.folder.path}`")
        if one.folder.path.joinpath("sweep.png").is_file():
            lines.append(f"- picture: `{one.folder.path / 'sweep.png'}`")
        copies = [(trial.id, taken_from(one.folder.trial(trial).path)) for trial in one.planned]
        same = [f"{name} is {source}" for name, source in copies if source]
        if same:
            lines.append(
                f"- trained once, as all of their settings are the same: {', '.join(same)}"
            )
    return lines


def write_index(said: Mapping[str, tuple[Item, Sequence[str]]], out: Path) -> Path:
    """Writes the page that lists the items, a line each with what it shows.

    Args:
        said: Items and what they say, by name.
        out: Folder of the pages.
    """
    rows: list[tuple[str, ...]] = [
        (f"[{name}]({name}.md)", item.title, " ".join(sentences))
        for name, (item, sentences) in said.items()
    ]
    lines = [
        "# The paper's figures and tables, on the embedded world",
        "",
        "VisionThink (arXiv 2507.13348), made again. Each page has ours, and apart from it the "
        "paper's own numbers.",
        "",
        *_markdown((("item", "what it is", "what ours shows"), rows)),
    ]
    return _write(out / INDEX, lines)


def _write(page: Path, lines: Sequence[str]) -> Path:
    write_whole(page, "\n".join(lines) + "\n")
    return page


def _markdown(table: Table) -> list[str]:
    headings, rows = table
    return [_line(headings), _line(["---"] * len(headings)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def show_page(item: Item, made: Material | None) -> None:
    """Prints both tables, ours first; where a number stands in the paper is on the page alone."""
    for title, (headings, rows) in (
        (f"{item.title}: ours", item.ours(made)),
        ("The paper's", item.theirs()),
    ):
        table = Shown(title=title, title_justify="left", box=SIMPLE_HEAD)
        cells = [row for row in zip(headings, *rows, strict=True) if row[0] != "source"]
        filled = [row for row in cells if any(row[1:])]
        for heading, *_ in filled:
            table.add_column(heading)
        for row in zip(*(row[1:] for row in filled), strict=True):
            table.add_row(*row)
        console.print(table)
    for sentence in item.says(made):
        console.print(sentence, markup=False)
