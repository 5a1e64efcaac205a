"""``visionthink compare`` and ``visionthink reference``: runs beside those that are shipped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from benchmarks.cli.commands import option
from benchmarks.report.terminal import console
from vt_env import ConfigError

app = App(name="reference", help="Curves to compare with: list those that are shipped, make some.")
OUTSIDE = 1
"""Exit code of a comparison whose run leaves the band."""


@app.command(name="list")
def list_references() -> None:
    """List the references that are shipped: seeds, date and the command of each."""
    from benchmarks.reference import reference_names, shipped, tell

    tell.list_references([shipped(name) for name in reference_names()])


@app.command
def make(
    *places: Annotated[Path, option("A sweep's folder, or run folders of one setting.")],
    out: Annotated[Path | None, option("Folder; else that of the shipped ones.")] = None,
    name: Annotated[str | None, option("What it is called; points of a sweep have names.")] = None,
    command: Annotated[str | None, option("What makes a run again, with {seed}.")] = None,
    machine: Annotated[str | None, option("What the runs ran on, if they do not say.")] = None,
) -> None:
    """Make references of runs that are done: one a point of a sweep, or one of some runs.

    Runs of a reference have one setting and at least three seeds.
    """
    from benchmarks.reference.make import Wanted, default_folder, references_of, save

    if not places:
        raise ConfigError("Name a sweep's folder, or run folders of one setting.")
    folder = out or default_folder()
    found, left = references_of(places, Wanted(name, command, machine))
    for reference in found:
        path = save(reference, folder)
        size = path.stat().st_size / 1000
        seeds = ", ".join(map(str, reference.seeds))
        console.print(f"{path}: seeds {seeds}, {size:.0f} kB", markup=False, soft_wrap=True)
    for line in left:
        console.print(f"left out: {line}", markup=False, soft_wrap=True)


def compare(
    run: Annotated[Path, option("Run folder of train, done or under way.")],
    *,
    reference: Annotated[
        str | None,
        Parameter(name="--with"),
        option("A reference's name or .json file; else the one of the run's settings."),
    ] = None,
    out: Annotated[Path | None, option("The picture; else compare.png in the run folder.")] = None,
    as_json: Annotated[bool, Parameter(name="--json"), option("Print it as JSON.")] = False,
) -> None:
    """Say whether a run lies in the band of a reference's seeds, and where it leaves it.

    Ends with exit code 1 if it leaves the band. A run under way is compared as far as it is.
    """
    from benchmarks.reference import tell
    from benchmarks.reference.compare import compare as put_beside
    from benchmarks.reference.compare import find_reference
    from benchmarks.reference.picture import draw
    from benchmarks.report.html.runs import is_run, read_run

    if not is_run(run):
        raise ConfigError(f"{run}: is no run folder, which has settings.json and metrics.jsonl.")
    found = read_run(run, run.resolve().name)
    chosen = find_reference(found, reference)
    told = put_beside(found, chosen)
    picture = out or run / "compare.png"
    draw(found, chosen, told, picture)
    if as_json:
        print(tell.as_json(told, picture))
    else:
        tell.show(told, picture)
    if not told.inside:
        sys.exit(OUTSIDE)
