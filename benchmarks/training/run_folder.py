"""A run's folder: settings, metrics, TensorBoard events, checkpoints and results."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agents import CheckpointError
from agents.manifest import check_manifest, flush_folder, said_of
from agents.marks import told
from agents.rollouts.refill import POSITION
from benchmarks.report.provenance import provenance
from benchmarks.safety.disk import append_lines, flush_tree, make_folder, write_json, write_whole
from benchmarks.training.settings import CourseSettings
from vt_env import ConfigError

BEST_FILE = "best.json"
"""What says of the best model which iteration it is of."""


@dataclass
class RunFolder:
    """Paths of a run, and the writers of what grows.

    Attributes:
        path: The folder.
    """

    path: Path
    _board: Any = field(default=None, init=False, repr=False)

    @classmethod
    def planned(cls, root: Path, settings: CourseSettings, name: str | None = None) -> RunFolder:
        """A folder under `root` that is not there yet; its name: `name`, else time and seed.

        Raises:
            ConfigError: If a run of that name exists, or none can be called so.
        """
        if name is not None and (name in ("", ".", "..") or Path(name).name != name):
            raise ConfigError(f"--run-id is the name of a folder in {root}, got {name!r}.")
        above = next(path for path in (root, *root.absolute().parents) if path.exists())
        if not above.is_dir():
            raise ConfigError(f"--out is a folder, and {above} is a file.")
        folder = cls(root / (name or f"{datetime.now():%Y%m%d-%H%M%S}-seed{settings.run.seed}"))
        if folder.path.exists():
            raise folder._taken()
        return folder

    def create(self, settings: CourseSettings) -> None:
        """Makes the folder.

        Raises:
            ConfigError: If a run of that name exists by now.
        """
        try:
            make_folder(self.path.parent)
            self.path.mkdir()
            flush_folder(self.path.parent)
        except FileExistsError as error:
            raise self._taken() from error
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be made ({error}).") from error
        settings.save(self.path / "settings.json")
        self.note_start()

    def _taken(self) -> ConfigError:
        return ConfigError(
            f"{self.path} exists already; choose another --run-id, or --resume {self.path}."
        )

    def note_start(self) -> None:
        """Adds to `provenance.json` what goes on from here: version, commit, packages, command.

        Raises:
            CheckpointError: If the file is there and cannot be read.
        """
        file = self.path / "provenance.json"
        try:
            before = json.loads(file.read_bytes()) if file.exists() else []
            told = [*before, provenance()]
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{file}: cannot be read ({error}); put the run's own back, or remove it."
            ) from error
        self.write_json(file.name, told)

    @property
    def is_complete(self) -> bool:
        """Whether the run is over and evaluated."""
        return self.summary_file.is_file()

    @property
    def metrics_file(self) -> Path:
        """JSON lines, one an iteration."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of the algorithm's checkpoints."""
        return self.path / "checkpoints"

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Appends the metrics of an iteration to the file and to TensorBoard."""
        from torch.utils.tensorboard import SummaryWriter

        if self._board is None:
            self._board = SummaryWriter(str(self.path / "tensorboard"), purge_step=iteration)
        append_lines(self.metrics_file, [json.dumps({"iteration": iteration, **metrics}) + "\n"])
        for name, value in metrics.items():
            self._board.add_scalar(name, value, iteration)

    @property
    def rollouts_file(self) -> Path:
        """JSON lines, one for each training episode that is kept."""
        return self.path / "rollouts.jsonl"

    def log_rollouts(self, lines: Iterable[str]) -> None:
        """Appends episodes, each with its iteration."""
        append_lines(self.rollouts_file, lines)

    @property
    def findings_file(self) -> Path:
        """JSON lines, one for each collapse that began."""
        return self.path / "doctor.jsonl"

    def log_finding(self, finding: Mapping[str, Any]) -> None:
        """Appends a finding, which has its iteration."""
        append_lines(self.findings_file, [json.dumps(finding) + "\n"])

    def forget_findings_after(self, iteration: int) -> None:
        """Drops findings beyond `iteration`: a resumed run comes to them again."""
        if self.findings_file.is_file():
            kept = [row for row in whole_rows(self.findings_file) if row["iteration"] <= iteration]
            _rewrite(self.findings_file, kept)

    def metrics(self) -> list[dict[str, float]]:
        """Every logged iteration, in order."""
        if not self.metrics_file.is_file():
            return []
        lines = self.metrics_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def forget_after(self, iteration: int) -> None:
        """Drops logged iterations and rollouts beyond it: a resumed run plays them again."""
        for file in (self.metrics_file, self.rollouts_file):
            if file.is_file():
                kept = [row for row in whole_rows(file) if row["iteration"] <= iteration]
                _rewrite(file, kept)

    def checkpoint(self, iteration: int) -> Path:
        """Where the checkpoint of an iteration belongs."""
        return self.checkpoints / f"iteration_{iteration:05d}"

    def save_checkpoint(self, algorithm: Any, iteration: int, keep: int = 1) -> None:
        """Saves the algorithm; the folder appears whole or not at all.

        Args:
            algorithm: What is saved.
            iteration: The one that is done.
            keep: How many checkpoints stay, this one and the newest before it.
        """
        final = self.checkpoint(iteration)
        draft = self.checkpoints / f".draft_{iteration:05d}"
        with _drafted_folder(draft):
            algorithm.save_to_path(str(draft.resolve()))
            shutil.rmtree(final, ignore_errors=True)
            draft.replace(final)
            flush_folder(self.checkpoints)
        before = [path for number, path in reversed(self._numbered()) if number < iteration]
        kept = [final, *before[: keep - 1]]
        for other in self.checkpoints.glob("iteration_*"):
            if other not in kept:
                shutil.rmtree(other)

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """The newest checkpoint and its iteration, if there is one; `check_progress` checks it."""
        return max(self._numbered(), default=None)

    def whole_checkpoint(
        self, position: Callable[[int], int | None], tell: Callable[[str], None]
    ) -> tuple[int, Path] | None:
        """The newest checkpoint that is whole, and its iteration; None where none was written.

        Args:
            position: Where in the prompt stream a run is after so many iterations.
            tell: Is told of those that are not whole, where an older one is; and of one that is
                from elsewhere, whose pickles are run when it is read.

        Raises:
            CheckpointError: If there are some and none is whole; of the newest.
        """
        faults: list[CheckpointError] = []
        for iteration, path in reversed(self._numbered()):
            try:
                self.check_progress(iteration, position(iteration))
            except CheckpointError as error:
                faults.append(error)
                continue
            for fault in faults:
                tell(f"{fault} Going on from the one before it, of iteration {iteration}.")
            if (foreign := said_of(path)) is not None:
                tell(foreign)
            told(path)
            return iteration, path
        if faults:
            raise faults[0]
        return None

    def reopen(self, iterations: int) -> None:
        """Has a complete run go on: its summary is kept under the number of its iterations."""
        self.summary_file.replace(self.path / f"summary-{iterations}.json")

    @property
    def summary_file(self) -> Path:
        """The final evaluation, which is written last."""
        return self.path / "summary.json"

    def summary(self) -> dict[str, Any]:
        """What the final evaluation came to."""
        found: dict[str, Any] = json.loads(self.summary_file.read_text(encoding="utf-8"))
        return found

    def _numbered(self) -> list[tuple[int, Path]]:
        """Iteration and path of every checkpoint, in order."""
        return sorted(
            (int(path.name.removeprefix("iteration_")), path)
            for path in self.checkpoints.glob("iteration_*")
            if path.name.removeprefix("iteration_").isdecimal()
        )

    def save_best(
        self, save_model: Callable[[Path], None], iteration: int, metrics: Mapping[str, float]
    ) -> None:
        """Saves the best model so far as a Hugging Face directory, whole or not at all.

        Args:
            save_model: Writes it into a folder.
            iteration: The one that is done.
            metrics: What makes it the best.
        """
        draft = self.checkpoints / ".draft_best"
        before = self._best_before
        with _drafted_folder(draft):
            save_model(draft)
            write_json(draft / BEST_FILE, {"iteration": iteration, "metrics": dict(metrics)})
            flush_tree(draft)
            if self.best() is not None:  # it stays until the new one is there
                shutil.rmtree(before, ignore_errors=True)
                self.best_model.replace(before)
            draft.replace(self.best_model)
            flush_folder(self.checkpoints)
        shutil.rmtree(before, ignore_errors=True)

    @property
    def best_model(self) -> Path:
        """Folder of the best model of the evaluations during training."""
        return self.checkpoints / "best"

    @property
    def _best_before(self) -> Path:
        """Where the best model waits for a better one to take its place."""
        return self.checkpoints / ".best_before"

    def best(self) -> dict[str, Any] | None:
        """Iteration and metrics of that model; None where there is none."""
        file = self.best_model / BEST_FILE
        if not file.is_file() and (self._best_before / BEST_FILE).is_file():
            self._best_before.replace(self.best_model)  # the run ended between the two
        if not file.is_file():
            return None
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def check_progress(self, iteration: int, position: int | None) -> None:
        """Finds out whether a run can go on from a checkpoint, before an engine starts.

        Args:
            iteration: The checkpoint's number.
            position: Where in the prompt stream a run is after that many iterations; None: where
                the metrics of that iteration say, which is so where groups are refilled.

        Raises:
            CheckpointError: If the checkpoint is not whole, or is of another iteration or run; or
                if the metrics of iterations before it are missing.
        """
        folder, rows = self.checkpoint(iteration), whole_rows(self.metrics_file)
        found = check_manifest(folder).about.get("position")
        logged = [row.get("iteration") for row in rows]
        if position is None and iteration in logged:
            position = int(rows[logged.index(iteration)].get(POSITION, -1))
        if position is not None and found != position:
            raise CheckpointError(
                f"{folder}: is not of iteration {iteration} of this run (it is at position {found} "
                f"of the prompts, not at {position}); put the run's own checkpoint there."
            )
        if logged[:iteration] != list(range(1, iteration + 1)):
            whole = next((n for n, row in enumerate(logged) if row != n + 1), len(logged))
            raise CheckpointError(
                f"{self.metrics_file}: lacks the metrics of iteration {whole + 1}, and the "
                f"checkpoint is of iteration {iteration}; copy the file again, whole."
            )

    def write_json(self, name: str, data: object) -> Path:
        """Writes a JSON file into the folder."""
        write_json(self.path / name, data)
        return self.path / name

    def close(self) -> None:
        """Flushes TensorBoard's events."""
        if self._board is not None:
            self._board.close()
            self._board = None


def whole_rows(path: Path) -> list[dict[str, Any]]:
    """Rows that were written whole; a killed run may leave half a line at the end."""
    rows = []
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not isinstance(row, dict):
                break
            rows.append(row)
    return rows


def _rewrite(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows in place of a file's."""
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))


@contextmanager
def _drafted_folder(draft: Path) -> Iterator[None]:
    """A new, empty folder that is not there afterwards: it was renamed, or something failed."""
    shutil.rmtree(draft, ignore_errors=True)
    make_folder(draft)
    try:
        yield
    finally:
        shutil.rmtree(draft, ignore_errors=True)
