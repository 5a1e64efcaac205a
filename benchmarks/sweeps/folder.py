"""A sweep's folder: what is compared, a run folder a trial, and the results over all of them.

runs/sweeps/penalty/
  sweep.json                   the question, the points with all of their settings
  trials/paper-theta0.2/1/     a run folder, as `visionthink train` makes it
  sweep.csv sweep.parquet      a row a trial and iteration
  results.json sweep.png       what it came to
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import Trajectory
from agents.engine import MODEL, told_model
from benchmarks.evaluation.baselines import write_records
from benchmarks.safety.disk import write_json
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial
from benchmarks.training.run_folder import RunFolder
from vt_env import ConfigError
from vt_env.settings.tree import flatten

_SEED = "run.seed"


@dataclass(frozen=True)
class SweepFolder:
    """Paths of a sweep.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def definition_file(self) -> Path:
        """What is compared."""
        return self.path / "sweep.json"

    def trial(self, trial: Trial) -> RunFolder:
        """The run folder of a trial."""
        return RunFolder(self.path / "trials" / trial.point / str(trial.seed))

    def error_file(self, trial: Trial) -> Path:
        """What ended a trial that failed, beside its run folder."""
        return self.path / "trials" / trial.point / f"{trial.seed}.error.txt"

    def log_file(self, trial: Trial) -> Path:
        """What a trial says, beside its run folder."""
        return self.path / "trials" / trial.point / f"{trial.seed}.log"

    def is_done(self, trial: Trial) -> bool:
        """Whether a trial is complete."""
        return (self.trial(trial).path / "summary.json").is_file()

    def summary(self, trial: Trial) -> dict[str, Any]:
        """The final evaluation of a trial that is done."""
        text = (self.trial(trial).path / "summary.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    def start_files(self, key: str) -> tuple[Path, Path]:
        """Episodes of the model before RL that answer at once, and that ask first.

        Args:
            key: What they were played on; see `benchmarks.sweeps.trial.start_key`.
        """
        folder = self._start(key)
        return folder / "always_low.jsonl", folder / "always_high.jsonl"

    def start_log(self, key: str) -> Path:
        """What is said while they are played."""
        return self._start(key) / "start.log"

    def _start(self, key: str) -> Path:
        return self.path / "start" / hashlib.sha256(key.encode()).hexdigest()[:12]

    def write_start(self, key: str, low: list[Trajectory], high: list[Trajectory]) -> None:
        """Writes those episodes."""
        for file, played in zip(self.start_files(key), (low, high), strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_records(played, file)

    def check(self, planned: Sequence[Trial]) -> None:
        """Compares what is here with what is going to be run.

        Raises:
            ConfigError: If a point of that name was begun with other settings, or a folder is here
                that no sweep made.
        """
        if self.path.exists() and not self.definition_file.is_file() and any(self.path.iterdir()):
            raise ConfigError(f"{self.path}: holds no sweep; choose another --out.")
        for trial in planned:
            file = self.trial(trial).path / "settings.json"
            if not file.is_file():
                continue
            before = flatten(type(trial.settings).load(file))
            now = flatten(trial.settings.resolved())
            for path in now:
                known = before.get(path)
                if known != now[path] and not (
                    path == MODEL and told_model(str(known)) == told_model(now[path])
                ):
                    raise ConfigError(
                        f"{file}: {path} is {before.get(path)!r}, and would be {now[path]!r} now. "
                        "A sweep is not overwritten: choose another --out or --name, or give the "
                        "settings that it was begun with."
                    )

    def write_definition(self, sweep: Sweep, planned: Sequence[Trial]) -> None:
        """Writes what is compared; points that are here already stay."""
        before = self._definition()
        known: dict[str, Any] = before.get("points", {})
        for point in dict.fromkeys(trial.point for trial in planned):
            mine = [trial for trial in planned if trial.point == point]
            seeds = sorted({*known.get(point, {}).get("seeds", ()), *(t.seed for t in mine)})
            known[point] = {"seeds": seeds, **_told(mine)}
        told = {
            "sweep": sweep.name,
            "question": sweep.question,
            "method": sweep.method,
            "varies": sweep.varied(),
            **({"threads": before["threads"]} if "threads" in before else {}),
            "points": known,
        }
        self._write_definition(told)

    def _definition(self) -> dict[str, Any]:
        if not self.definition_file.is_file():
            return {}
        found: dict[str, Any] = json.loads(self.definition_file.read_text(encoding="utf-8"))
        return found

    def _write_definition(self, told: dict[str, Any]) -> None:
        write_json(self.definition_file, told)

    def threads(self) -> int:
        """Threads of each trial, if the sweep was begun before; else 0."""
        return int(self._definition().get("threads", 0))

    def keep_threads(self, threads: int) -> None:
        """Keeps the threads of trials: the last digits of a result hang on them.

        So a sweep that is gone on with, when fewer trials are left to share the cores, has as many.
        """
        self._write_definition({**self._definition(), "threads": threads})

    def clear_unsaved(self, trial: Trial) -> None:
        """Removes the folder of a trial that was ended before its first checkpoint."""
        folder = self.trial(trial)
        if folder.path.exists() and not self.is_done(trial) and not folder.latest_checkpoint():
            shutil.rmtree(folder.path)


def _told(mine: Sequence[Trial]) -> dict[str, Any]:
    """Settings of a point's trials: the first one's, and what those of other seeds have otherwise.

    All have the same, but for trials that begin with a model of their own seed.
    """
    values = {trial.seed: flatten(trial.settings) for trial in mine}
    for found in values.values():
        found.pop(_SEED)
    shared = values[mine[0].seed]
    apart = {
        str(seed): {path: value for path, value in found.items() if value != shared[path]}
        for seed, found in values.items()
    }
    others = {seed: found for seed, found in apart.items() if found}
    return {"settings": shared} | ({"by_seed": others} if others else {})
