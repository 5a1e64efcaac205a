"""Trials that two sweeps share are trained once: an equal one that is done is taken over.

Equal are all settings, the seed among them, as they stand in the run folders; names do not count.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agents.engine import told_model
from benchmarks.safety.disk import drafted
from benchmarks.sweeps import Trial
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.trial import start_key
from vt_env.settings.tree import to_json

NOTE = "taken_from.json"
"""File of a run folder that says of which trial it is a copy."""


def take_over(planned: Sequence[Trial], folder: SweepFolder, root: Path) -> list[str]:
    """Copies into a sweep what is done of it in the sweeps beside it, checkpoints left out.

    Args:
        planned: The sweep's trials; one that is begun is left alone.
        folder: The sweep's.
        root: Folder of the sweeps' folders.

    Returns:
        A sentence for each trial that was taken over.
    """
    told = []
    for trial in planned:
        begun = folder.is_done(trial) or folder.trial(trial).latest_checkpoint() is not None
        found = None if begun else next(_equals(trial, folder, root), None)
        if found is None:
            continue
        source, path = found
        folder.clear_unsaved(trial)
        _copy_start(trial, source, folder)
        name = "/".join((source.path.name, *path.parts[-2:]))
        _copy(path, folder.trial(trial).path, folder.path / ".draft", name)
        told.append(f"{trial.id} is {name}: all of their settings are the same.")
    return told


def taken_from(run: Path) -> str | None:
    """The trial that a run folder is a copy of; None where it is its own."""
    file = run / NOTE
    if not file.is_file():
        return None
    return str(json.loads(file.read_text(encoding="utf-8"))["trial"])


def _equals(trial: Trial, folder: SweepFolder, root: Path) -> Iterator[tuple[SweepFolder, Path]]:
    """Trials that are done beside it with all of its settings, and their sweeps."""
    wanted: dict[str, Any] | None = None
    key = start_key(to_json(trial.settings))
    for file in sorted(root.glob(f"*/trials/*/{trial.seed}/summary.json")):
        source = SweepFolder(file.parents[3])
        settings = file.with_name("settings.json")
        if source == folder or not settings.is_file():
            continue
        wanted = wanted or _told(to_json(trial.settings.resolved()))
        if _told(settings.read_text(encoding="utf-8")) != wanted:
            continue
        if all(start.is_file() for start in source.start_files(key)):
            yield source, file.parent


def _told(settings: str) -> dict[str, Any]:
    """Settings that are JSON, to be compared."""
    found: dict[str, Any] = json.loads(settings)
    engine = found["engine"]
    return {**found, "engine": {**engine, "model_dir": told_model(engine["model_dir"])}}


def _copy_start(trial: Trial, source: SweepFolder, folder: SweepFolder) -> None:
    """Episodes of the model before RL, which the trial is compared with."""
    key = start_key(to_json(trial.settings))
    for mine, theirs in zip(folder.start_files(key), source.start_files(key), strict=True):
        if not mine.is_file():
            with drafted(mine) as draft:
                shutil.copyfile(theirs, draft)


def _copy(source: Path, target: Path, draft: Path, name: str) -> None:
    """Copies a run folder; it appears whole or not at all."""
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, ignore=shutil.ignore_patterns("checkpoints"))
    (draft / NOTE).write_text(json.dumps({"trial": name}) + "\n", encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(target)
