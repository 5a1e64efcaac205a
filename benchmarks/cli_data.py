"""``visionthink data``: looks at datasets."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.show import console
from vt_env.datasets import load_dataset

app = typer.Typer(no_args_is_help=True, help="Look at datasets.")


@app.command()
def check(
    path: Annotated[str, typer.Argument(help="A .jsonl or .parquet file, a folder, or hf:name.")],
) -> None:
    """Read every row and open every image; list all that cannot be used."""
    dataset = load_dataset(path)
    first = dataset[0] if len(dataset) else None
    console.print(f"{path}: {len(dataset)} samples, all usable.", markup=False, soft_wrap=True)
    if first is not None:
        width, height = first.image.size()
        console.print(
            f"The first: {first.question!r} about {first.image.name} ({width}x{height} pixels), "
            f"answers {list(first.answers)}.",
            markup=False,
            soft_wrap=True,
        )
