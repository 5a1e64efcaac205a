"""Every file of a run, damaged in every way: it goes on from what is whole, or says what is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agents import CheckpointError
from benchmarks.faults.trial import Trial
from benchmarks.training.method import Method
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import CourseSettings
from vt_env import VisionThinkError


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _turned(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: Mapping[str, Callable[[Path], Any]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut off": _cut,
    "one byte turned": _turned,
    "a folder in its place": _folder,
}
FOREIGN = "a foreign file beside them"
BOTH = "both checkpoints"


def damage_trials(run: Path, method: Method, place: Path) -> Iterator[Trial]:
    """Damages a copy of a run, file by file, and asks it to go on as ``--resume`` does.

    Args:
        run: A run with two checkpoints and no summary.
        method: How it learned.
        place: Where copies go.
    """
    newest, older = RunFolder(run).latest_checkpoint(), _older(RunFolder(run))
    if newest is None or newest[0] == older:
        raise ValueError(f"{run} has not two checkpoints.")
    files = (path for path in newest[1].rglob("*") if path.is_file())
    names = sorted(path.relative_to(newest[1]).as_posix() for path in files)
    for kind, damage in DAMAGES.items():
        for name in names:
            copy = _copy(run, place)
            damage(copy.checkpoint(newest[0]) / name)
            yield _falls_back(f"a file of the newest checkpoint: {kind}", copy, method, older, name)
    copy = _copy(run, place)
    (copy.checkpoint(newest[0]) / "notes.txt").touch()
    yield _falls_back(f"the newest checkpoint: {FOREIGN}", copy, method, older, FOREIGN)
    for name in names:
        copy = _copy(run, place)
        for number in (newest[0], older):
            _turned(copy.checkpoint(number) / name)
        yield _refuses(f"a file of {BOTH}: one byte turned", copy, method, name)
    for kind, damage in DAMAGES.items():
        for name in ("settings.json", "metrics.jsonl", "provenance.json"):
            copy = _copy(run, place)
            damage(copy.path / name)
            yield _refuses(f"one of the run's own files: {kind}", copy, method, name, True)
    shutil.rmtree(place, ignore_errors=True)


def _older(folder: RunFolder) -> int:
    return min(
        int(path.name.removeprefix("iteration_")) for path in folder.checkpoints.glob("iteration_*")
    )


def _copy(run: Path, place: Path) -> RunFolder:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(run, place)
    return RunFolder(place)


def _found(folder: RunFolder, method: Method, told: list[str]) -> int:
    """The iteration that a run would go on from; all that ``--resume`` reads before an engine."""
    settings: CourseSettings = method.tree.load(folder.path / "settings.json").resolved()
    found = folder.whole_checkpoint(lambda n: method.position(settings, n), told.append)
    folder.forget_after(found[0] if found else 0)
    folder.note_start()
    return found[0] if found else 0


def _falls_back(kind: str, folder: RunFolder, method: Method, older: int, name: str) -> Trial:
    told: list[str] = []
    try:
        found = _found(folder, method, told)
    except Exception as error:
        return Trial(kind, False, f"{name}: {error!r}")
    held = found == older and len(told) == 1 and str(folder.path) in told[0]
    return Trial(kind, held, f"{name}: goes on from iteration {found}")


def _refuses(kind: str, folder: RunFolder, method: Method, name: str, may: bool = False) -> Trial:
    """A typed error that names the folder; where it `may`, it goes on instead."""
    try:
        _found(folder, method, [])
    except (CheckpointError, VisionThinkError) as error:
        return Trial(kind, str(folder.path) in str(error), f"{name}: {error}")
    except Exception as error:
        return Trial(kind, False, f"{name}: {error!r}")
    return Trial(kind, may, f"{name}: goes on")
