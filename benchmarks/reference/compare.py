"""Whether a run lies in the band of a reference, and where it leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.reference.alike import Difference, differences
from benchmarks.reference.band import (
    WINDOW,
    Stretch,
    band,
    departures,
    end_band,
    outside,
    smooth,
)
from benchmarks.reference.format import (
    CURVES,
    Reference,
    read_reference,
    reference_names,
    shipped,
)
from benchmarks.reference.make import curve, ends, run_settings
from benchmarks.report.html.runs import Run
from vt_env import ConfigError

ENDS = (
    "request_rate_need",
    "request_rate_no_need",
    "resize_call_ratio",
    "accuracy",
    "visual_tokens/share_of_full",
    "accuracy_given_request",
    "reward",
    "regret_to_start_oracle",
)
"""Values of the final evaluation that are compared."""
PROMPTS = "grpo.num_prompts"


@dataclass(frozen=True)
class Course:
    """A metric of training beside the reference's.

    Attributes:
        metric: Its name.
        compared: Iterations that both have.
        outside: How many of them are outside, those by chance too.
        leaves: Where the run leaves the band for good or for a while.
        last: Mean over the run's last iterations that are compared; None where none is.
        low: Lower end of the band there.
        high: Its upper end.
    """

    metric: str
    compared: int
    outside: int
    leaves: tuple[Stretch, ...]
    last: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class End:
    """A value of the final evaluation beside the reference's.

    Attributes:
        metric: Its name.
        value: The run's.
        mean: Mean of the reference's seeds.
        low: Lower end of the band.
        high: Its upper end.
        inside: Whether the run is in it.
    """

    metric: str
    value: float
    mean: float
    low: float
    high: float
    inside: bool


@dataclass(frozen=True)
class Comparison:
    """A run beside a reference.

    Attributes:
        run: The run's folder.
        reference: The reference's name.
        seeds: Its seeds.
        command: What makes a run of it.
        iterations: Iterations that the run has.
        of: Iterations that the reference has.
        differs: Settings in which they differ.
        courses: Metrics of training.
        ends: Values of the final evaluation; none of a run that is under way.
        inside: Whether the run stays in the band.
    """

    run: str
    reference: str
    seeds: tuple[int, ...]
    command: str
    iterations: int
    of: int
    differs: tuple[Difference, ...]
    courses: tuple[Course, ...]
    ends: tuple[End, ...]
    inside: bool


def find_reference(run: Run, name: str | None) -> Reference:
    """The reference that a run is compared with.

    Args:
        run: The run.
        name: One that is shipped, or a file; None: the one of the run's settings, else the one that
            differs from it in the fewest, of these the one of the most seeds.

    Raises:
        UnknownNameError: If there is none of that name.
        DataError: If a file cannot be used.
        ConfigError: If none is shipped.
    """
    if name is not None:
        return read_reference(Path(name)) if name.endswith(".json") else shipped(name)
    known = [shipped(each) for each in reference_names()]
    if not known:
        raise ConfigError("no reference is shipped: --with FILE.json, of visionthink reference.")
    values = run_settings(run)
    return min(
        known,
        key=lambda each: (len(differences(values, each.settings)), -len(each.seeds), each.name),
    )


def compare(run: Run, reference: Reference) -> Comparison:
    """Puts a run beside a reference, as far as it is.

    Raises:
        ConfigError: If it has too few iterations to say anything, or is of another training.
    """
    differs = differences(run_settings(run), reference.settings)
    prompts = int(reference.settings.get(PROMPTS, 1))
    courses = tuple(_course(run, reference, name, prompts) for name in CURVES)
    if not any(course.compared for course in courses):
        raise ConfigError(
            f"{run.path}: has {len(run.rows)} iterations; a comparison begins with the {WINDOW}th."
        )
    found = _ends(run, reference)
    return Comparison(
        run=str(run.path),
        reference=reference.name,
        seeds=reference.seeds,
        command=reference.command,
        iterations=len(run.rows),
        of=max(len(each) for each in reference.curves[CURVES[0]].values()),
        differs=differs,
        courses=courses,
        ends=found,
        inside=not any(course.leaves for course in courses) and all(end.inside for end in found),
    )


def _course(run: Run, reference: Reference, name: str, prompts: int) -> Course:
    made, mine = band(list(reference.curves[name].values()), prompts), smooth(curve(run, name))
    sides = outside(mine, made)
    known = np.flatnonzero(np.isfinite(mine[: len(sides)]) & np.isfinite(made.low[: len(sides)]))
    at = int(known[-1]) if len(known) else None
    last, low, high = (
        None if at is None else round(float(values[at]), 4)
        for values in (mine, made.low, made.high)
    )
    left = tuple(departures(sides))
    return Course(name, len(known), int((sides != 0).sum()), left, last, low, high)


def _ends(run: Run, reference: Reference) -> tuple[End, ...]:
    if run.summary is None:
        return ()
    mine = ends(run.summary)
    samples = min(int(end.get("episodes") or 1) for end in (mine, *reference.ends.values()))
    found = []
    for name in ENDS:
        theirs = _known([end.get(name) for end in reference.ends.values()])
        value = mine.get(name)
        if value is None or len(theirs) < 2:
            continue
        low, high = end_band(theirs, samples)
        mean, inside = float(np.mean(theirs)), low <= value <= high
        found.append(End(name, value, round(mean, 4), round(low, 4), round(high, 4), inside))
    return tuple(found)


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
