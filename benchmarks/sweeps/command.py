"""What ``visionthink sweep`` does: plan, run what is missing, and say what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.report.stages import duration
from benchmarks.report.terminal import console
from benchmarks.sweeps.catalogue import SWEEPS
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial, Values, trials
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.grid import grid_sweep
from benchmarks.training.plan import plan
from vt_env import ConfigError, UnknownNameError


@dataclass(frozen=True)
class Wanted:
    """The options of the command.

    Attributes:
        name: The sweep's name; None: sweeps are listed, or the grid names itself.
        grid: Settings with their values, as `grid_sweep` takes them.
        seeds: Trials of each point.
        only: Pattern of points' names; None: all.
        dry_run: Whether only to say what would be run.
        jobs: Trials at once; 0: as many as there is room for.
        address: A Ray cluster to join; None: this machine.
        out: Folder of the sweeps' folders.
    """

    name: str | None
    grid: tuple[str, ...]
    seeds: int
    only: str | None
    dry_run: bool
    jobs: int
    address: str | None
    out: Path


def do_sweep(wanted: Wanted, given: Values) -> None:
    """Runs a sweep to its end.

    Args:
        wanted: The options.
        given: Settings that the user gave, by path.

    Raises:
        UnknownNameError: If there is no such sweep.
        ConfigError: If a setting cannot be, or the folder is of another sweep.
        TrainingError: If a trial failed.
    """
    if wanted.jobs < 0:
        raise ConfigError(f"--jobs must be at least 0, got {wanted.jobs}.")
    sweep = _sweep(wanted)
    if sweep is None:
        show_sweeps(tuple(SWEEPS.values()))
        return
    if wanted.only is not None:
        sweep = sweep.only(wanted.only)
    planned = trials(sweep, wanted.seeds, given)
    folder = SweepFolder(wanted.out / sweep.name)
    folder.check(planned)
    show_plan(sweep, planned, folder)
    if wanted.dry_run:
        return
    from benchmarks.sweeps.run import run_sweep

    try:
        run_sweep(sweep, planned, folder, wanted.jobs, wanted.address)
    finally:  # what is done is shown, though something failed
        if any(folder.is_done(trial) for trial in planned):
            report(sweep, planned, folder)


def _sweep(wanted: Wanted) -> Sweep | None:
    if wanted.grid:
        if wanted.name in SWEEPS:
            raise ConfigError(f"{wanted.name} is a shipped sweep: give the grid another name.")
        return grid_sweep(wanted.grid, wanted.name)
    if wanted.name is None:
        return None
    if wanted.name not in SWEEPS:
        raise UnknownNameError("sweep", wanted.name, SWEEPS)
    return SWEEPS[wanted.name]


def show_sweeps(sweeps: Sequence[Sweep]) -> None:
    """Lists sweeps with their points and questions."""
    table = Table(box=SIMPLE_HEAD)
    for label in ("sweep", "points", "question"):
        table.add_column(label, no_wrap=label == "sweep")
    for sweep in sweeps:
        points = ", ".join(point.name for point in sweep.points[:6])
        more = f" and {len(sweep.points) - 6} more" if len(sweep.points) > 6 else ""
        table.add_row(sweep.name, points + more, sweep.question)
    console.print(table)
    console.print("visionthink sweep NAME, or --grid SETTING=VALUE,VALUE for one of your own.")


def show_plan(sweep: Sweep, planned: Sequence[Trial], folder: SweepFolder) -> None:
    """Says what is going to be run, and for how long where that is known."""
    console.print(sweep.question, markup=False)
    console.print(f"Sweep: {folder.path}", markup=False, soft_wrap=True)
    left = [trial for trial in planned if not folder.is_done(trial)]
    times = []
    for trial in planned:
        done = len(folder.trial(trial).metrics())
        state = "done" if trial not in left else f"from {done}" if done else "new"
        console.print(f"  {trial.id:<44} {state}", markup=False, soft_wrap=True)
        if trial in left:
            times.append([stage.seconds for stage in plan(trial.settings, done)])
    known = [sum(t for t in stages if t is not None) for stages in times if None not in stages]
    time = f", about {duration(sum(known))} one after the other" if len(known) == len(left) else ""
    console.print(f"{len(left)} of {len(planned)} trials are to be run{time if left else ''}.")


def report(sweep: Sweep, planned: Sequence[Trial], folder: SweepFolder) -> None:
    """Writes tables and picture, and prints the results."""
    from benchmarks.sweeps.board import write_boards
    from benchmarks.sweeps.map import draw_map, has_map
    from benchmarks.sweeps.picture import draw
    from benchmarks.sweeps.results import results, show_results, write_results
    from benchmarks.sweeps.table import tidy, write_table

    found, table = results(sweep, planned, folder), tidy(sweep, planned, folder)
    write_table(table, folder.path)
    write_results(sweep, found, folder.path / "results.json")
    write_boards(sweep, planned, folder)
    draw(sweep, found, table, folder.path / "sweep.png")
    show_results(sweep, found)
    made = [("Table", "sweep.csv"), ("Results", "results.json"), ("Picture", "sweep.png")]
    if has_map(sweep):
        draw_map(sweep, found, folder.path / "map.png")
        made.append(("Map", "map.png"))
    for label, name in made:
        console.print(f"{label + ':':<9} {folder.path / name}", soft_wrap=True)
