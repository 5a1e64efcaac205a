"""Runs what an item lacks: its sweeps, and what is measured of their models afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.paper.items import Item
from benchmarks.paper.material import Material
from benchmarks.paper.reuse import take_over
from benchmarks.report.terminal import console
from benchmarks.sweeps import SWEEPS, Sweep, Trial, trials
from benchmarks.sweeps.catalogue.definitions import Values
from benchmarks.sweeps.command import report, show_plan
from benchmarks.sweeps.folder import SweepFolder
from vt_env import ConfigError


@dataclass(frozen=True)
class Order:
    """The options of the command.

    Attributes:
        name: The item that is wanted; ``"all"``: every one; None: they are listed.
        seeds: Trials of each point.
        out: Folder of the pages.
        sweeps: Folder of the sweeps' folders, as ``visionthink sweep`` has it.
        jobs: Trials at once; 0: as many as there is room for.
        address: A Ray cluster to join; None: this machine.
    """

    name: str | None
    seeds: int
    out: Path
    sweeps: Path
    jobs: int
    address: str | None


def material(item: Item, order: Order, given: Values) -> Material | None:
    """Runs what is missing of an item; None where it needs nothing.

    Args:
        item: The item.
        order: The options.
        given: Settings of the user's, by path, which hold for every trial.

    Raises:
        TrainingError: If a trial failed.
    """
    if item.sweep is None:
        return None
    made = _shipped(item.sweep, item.only, order, given)
    beside = {name: _shipped(name, only, order, given) for name, only in item.beside}
    made = replace(made, beside=beside)
    if item.follow is not None:
        sweep, planned = item.follow(made)
        made = replace(made, beside={**beside, sweep.name: bring(sweep, planned, planned, order)})
    if item.measure is not None:
        measured = item.measure(made, order.out / "measured" / f"{item.name}.json")
        made = replace(made, measured=measured)
    return made


def _shipped(name: str, only: str, order: Order, given: Values) -> Material:
    """A shipped sweep, run as far as it is needed."""
    sweep = SWEEPS[name]
    if sweep.method != "grpo":  # what is given of the trainer is of RL's
        given = {path: value for path, value in given.items() if not path.startswith("grpo.")}
    whole = trials(sweep, order.seeds, given)
    wanted = {point.name for point in sweep.only(only).points}
    return bring(sweep, whole, [trial for trial in whole if trial.point in wanted], order)


def bring(sweep: Sweep, whole: Sequence[Trial], planned: Sequence[Trial], order: Order) -> Material:
    """Runs those trials of a sweep that are missing, and nowhere beside it either.

    Args:
        sweep: What is compared.
        whole: All of its trials; results are told over those that are done.
        planned: Those that are needed.
        order: The options.

    Raises:
        ConfigError: If the folder holds trials of the same names with other settings.
        TrainingError: If a trial failed.
    """
    from benchmarks.sweeps.run import run_sweep

    if order.jobs < 0:
        raise ConfigError(f"--jobs must be at least 0, got {order.jobs}.")
    folder = SweepFolder(order.sweeps / sweep.name)
    folder.check(planned)
    folder.write_definition(sweep, planned)
    for sentence in take_over(planned, folder, order.sweeps):
        console.print(sentence, markup=False, soft_wrap=True)
    if not all(folder.is_done(trial) for trial in planned):
        show_plan(sweep, planned, folder)
    try:
        run_sweep(sweep, planned, folder, order.jobs, order.address)
    finally:  # what is done is told, though something failed
        done = [trial for trial in whole if folder.is_done(trial)]
        if done and not _told(done, folder):
            report(sweep, whole, folder)
    points = tuple(p for p in sweep.points if p.name in {trial.point for trial in planned})
    return Material(replace(sweep, points=points), planned, folder)


def _told(done: Sequence[Trial], folder: SweepFolder) -> bool:
    """Whether the results that were written are of these trials."""
    file = folder.path / "results.json"
    if not file.is_file() or not (folder.path / "sweep.png").is_file():
        return False
    points = json.loads(file.read_text(encoding="utf-8"))["points"]
    told = {(point["point"], seed) for point in points for seed in point["seeds"]}
    return told == {(trial.point, trial.seed) for trial in done}
