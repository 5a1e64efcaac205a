"""What is in run folders, read once; a folder of a sweep stands for all the runs below it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.evaluation.starts import STARTS
from benchmarks.training.run_folder import whole_rows
from vt_env import ConfigError

Row = dict[str, Any]
SEED = "run.seed"
"""The setting in which the runs of one line differ."""


@dataclass(frozen=True)
class Run:
    """A run as its folder tells it.

    Attributes:
        path: The folder.
        name: What it is called among the others.
        settings: By path.
        rows: Logged metrics, one mapping an iteration.
        summary: The final evaluation; None for a run that is under way, or was stopped before it.
        findings: Collapses that began.
        starts: Versions and commands, one an uninterrupted part.
    """

    path: Path
    name: str
    settings: Mapping[str, Any]
    rows: Sequence[Row]
    summary: Row | None = None
    findings: Sequence[Row] = field(default=())
    starts: Sequence[Row] = field(default=())

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.settings.get(SEED, 0))

    def episodes(self) -> list[Row]:
        """Records of the final evaluation."""
        return whole_rows(self.path / "episodes.jsonl")

    def rollouts(self) -> list[Row]:
        """Training episodes that were kept."""
        return whole_rows(self.path / "rollouts.jsonl")

    def before(self) -> dict[str, Row]:
        """How the model before RL fares, by sample."""
        return {row["sample_id"]: row for row in whole_rows(self.path / STARTS)}


def find_runs(places: Sequence[Path]) -> list[Run]:
    """Reads the runs that are meant, in order; each once.

    Args:
        places: Run folders, or folders with run folders below them.

    Raises:
        ConfigError: If a place holds no run, or a file of one cannot be read; names it.
    """
    folders: dict[Path, str] = {}
    for place in places:
        inner = [place] if is_run(place) else _below(place)
        if not inner:
            raise ConfigError(
                f"{place}: is no run folder, which has settings.json and metrics.jsonl, and there "
                "is none below it."
            )
        for folder in inner:
            name = folder.resolve().name if folder == place else _told(folder, place)
            folders.setdefault(folder.resolve(), name)
    names = list(folders.values())
    return [
        read_run(folder, name if names.count(name) == 1 else f"{folder.parent.name}/{name}")
        for folder, name in folders.items()
    ]


def is_run(folder: Path) -> bool:
    """Whether a folder is one of a run that has begun."""
    return (folder / "settings.json").is_file() and (folder / "metrics.jsonl").is_file()


def _below(place: Path) -> list[Path]:
    return sorted(file.parent for file in place.rglob("metrics.jsonl") if is_run(file.parent))


def _told(folder: Path, place: Path) -> str:
    return folder.relative_to(place).as_posix().removeprefix("trials/")


def read_run(folder: Path, name: str) -> Run:
    """Reads what a folder holds.

    Raises:
        ConfigError: If a file is no JSON; names it.
    """
    summary, starts = folder / "summary.json", folder / "provenance.json"
    return Run(
        path=folder,
        name=name,
        settings=flat(_json(folder / "settings.json")),
        rows=whole_rows(folder / "metrics.jsonl"),
        summary=_json(summary) if summary.is_file() else None,
        findings=whole_rows(folder / "doctor.jsonl"),
        starts=_json(starts) if starts.is_file() else (),
    )


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read as JSON: {error}") from error


def flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Values of nested tables by their paths; an empty table is left out."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{above}{name}"
        found |= flat(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found
