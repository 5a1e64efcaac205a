"""``visionthink data``: looks at datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from benchmarks.show import console
from vt_env.datasets import DATASETS, load_dataset
from vt_env.errors import DataError, DatasetError
from vt_env.samples import Dataset

app = typer.Typer(no_args_is_help=True, help="Look at datasets.")


@app.command()
def check(
    path: Annotated[str, typer.Argument(help="A .jsonl or .parquet file, a folder, or hf:name.")],
    split: Annotated[
        str | None, typer.Option(help="Which part of a folder or hub dataset.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="Which configuration of a hub dataset.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that image paths start from.")] = None,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch images given as http(s) addresses.")
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(
            "--check",
            help="decode: every pixel; header: sizes and formats; none: rows only. Default: decode "
            "for .jsonl, header for tables.",
        ),
    ] = None,
) -> None:
    """Read every row and open every image; list all that cannot be used.

    Bad rows are listed as they are found and memory stays constant, however many there are.
    """
    given = {
        "split": split,
        "config": config,
        "root": root,
        "check": images,
        "allow_urls": allow_urls or None,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    dataset = _load(path, settings)
    first = dataset[0] if len(dataset) else None
    console.print(f"{path}: {len(dataset)} samples, all usable.", markup=False, soft_wrap=True)
    if first is not None:
        size = "" if images == "none" else " ({}x{} pixels)".format(*first.image.size())
        console.print(
            f"The first: {first.question!r} about {first.image.name}{size}, "
            f"answers {list(first.answers)}.",
            markup=False,
            soft_wrap=True,
        )


def _load(path: str, settings: Mapping[str, Any]) -> Dataset:
    """Loads a dataset with a progress bar where there is a terminal.

    Raises:
        typer.Exit: With code 2 when there were bad rows; they are printed by then.
    """
    listed = False

    def show(error: DataError) -> None:
        nonlocal listed
        listed = True
        console.print(str(error), markup=False, soft_wrap=True)

    bar = Progress(
        TextColumn("checking"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("checking", total=1.0)

        def progress(share: float) -> None:
            bar.update(task, completed=share)

        watch: dict[str, Any] = {"progress": progress, "on_error": show}
        try:
            return load_dataset(path, **settings, **({} if path in DATASETS else watch))
        except DatasetError as error:
            if not listed:  # not a row, but the whole source is at fault
                raise
            console.print(f"{error.bad} of {error.rows} rows cannot be used.", style="red")
            raise typer.Exit(2) from error
