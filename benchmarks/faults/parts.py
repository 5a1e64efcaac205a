"""What the campaign is made of."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.damages import damage_trials
from benchmarks.faults.judging import MOST_MEGABYTES, judging_reports
from benchmarks.faults.kills import kill_trials
from benchmarks.faults.replies import FAULTS
from benchmarks.faults.trained import trained_trial
from benchmarks.faults.trial import Trial
from benchmarks.training.grpo import BY_GRPO
from benchmarks.training.run import Hooks, train
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build


@dataclass(frozen=True)
class Part:
    """One of the campaign's.

    Attributes:
        trials: Makes the faults, given an empty folder and a seed.
        minutes: What it takes, about, on two cores.
    """

    trials: Callable[[Path, int], Iterator[Trial]]
    minutes: float


class _Enough(Exception):  # noqa: N818 - no error
    """The run has two checkpoints."""


def _damages(place: Path, seed: int) -> Iterator[Trial]:
    shutil.rmtree(place, ignore_errors=True)
    short = {
        "run.iterations": 3,
        "run.checkpoint_every": 1,
        "run.seed": seed,
        "grpo.num_prompts": 2,
        "grpo.num_generations": 4,
        "evaluation.samples": 4,
    }

    def tell(iteration: int, _metrics: Mapping[str, float]) -> None:
        if iteration == 2:
            raise _Enough

    try:
        train(build(TrainSettings, short), place, "run", Hooks(tell=tell), BY_GRPO)
    except _Enough:
        yield from damage_trials(place / "run", BY_GRPO, place / "copy")
    else:
        raise RuntimeError("The run to be damaged did not come to its second iteration.")


def _kills(place: Path, seed: int) -> Iterator[Trial]:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    yield from kill_trials(place, seed)


def _judged(_place: Path, seed: int) -> Iterator[Trial]:
    for report in judging_reports(seed):
        kind = (
            f"a case judged over {report.client} at a server that fails at three requests in ten, "
            f"in {len(FAULTS)} ways"
        )
        for row in report.rows:
            for number in range(row.trials):
                yield Trial(kind, number < row.held, row.fault)
        peak = f"{report.peak_megabytes:,.0f} MB above idle"
        kind = f"memory of {report.cases:,} such cases: {peak}, at most {MOST_MEGABYTES:,.0f}"
        yield Trial(kind, report.peak_megabytes <= MOST_MEGABYTES, peak)


def _trained(place: Path, seed: int) -> Iterator[Trial]:
    shutil.rmtree(place, ignore_errors=True)
    yield from trained_trial(place, seed)


PARTS: Mapping[str, Part] = {
    "damages": Part(_damages, 2),
    "judged": Part(_judged, 4),
    "trained": Part(_trained, 8),
    "kills": Part(_kills, 20),
}
"""By name."""
