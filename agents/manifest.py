"""The list of a checkpoint's files, by which it is known to be whole before anything is restored.

RLlib passes over what is missing of a checkpoint: without its learner's folder a run goes on from
untrained weights and a fresh optimiser. So the last thing that is written of a checkpoint is a list
of all of its files, with sizes and hashes:

    {"format": 1, "about": {…}, "files": {"learner_group/state.pkl": {"bytes": 5, "sha256": "…"}},
     "mark": "…"}

A folder without that list was not written to its end. The mark says who wrote it (`agents.marks`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.errors import CheckpointError
from agents.marks import foreign, mark_of, warn_once

MANIFEST = "manifest.json"
FORMAT = 1

_ADVICE = "copy the whole folder again from where it was written, or take another checkpoint."


@dataclass(frozen=True)
class FileEntry:
    """What is known of a file.

    Attributes:
        bytes: Its length.
        sha256: Hash of what is in it, in hexadecimal digits.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a checkpoint holds.

    Attributes:
        files: Its files, by their path inside of the folder, with forward slashes.
        about: What the writer said of it: anything that JSON can hold.
        own: Whether it has the mark of this user on this machine.
    """

    files: Mapping[str, FileEntry]
    about: Mapping[str, Any]
    own: bool = False


def write_manifest(folder: Path, about: Mapping[str, Any]) -> Manifest:
    """Lists what is in a folder; all of it, the list included, is on the disk afterwards.

    Args:
        folder: A checkpoint, written to its end.
        about: What is to be said of it.
    """
    files = {name: _entry(folder / name, flush=True) for name in _names(folder)}
    listed = {n: {"bytes": e.bytes, "sha256": e.sha256} for n, e in files.items()}
    mark = mark_of(listed, about)
    content = {"format": FORMAT, "about": dict(about), "files": listed, "mark": mark}
    draft = folder / f".{MANIFEST}.draft"
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / MANIFEST)
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        flush_folder(path)
    return Manifest(files, dict(about), mark is not None)


def read_manifest(folder: Path) -> Manifest:
    """Reads the list of a checkpoint's files; looks at none of them.

    Raises:
        CheckpointError: If there is none, or it cannot be read.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint folder.")
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: is not whole: its {MANIFEST}, which is written last, is missing; {_ADVICE}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}, not {FORMAT}")
        files = {name: FileEntry(**entry) for name, entry in content["files"].items()}
        mark = mark_of(content["files"], content["about"])
        own = mark is not None and content.get("mark") == mark
        return Manifest(files, dict(content["about"]), own)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error!r}); {_ADVICE}") from error


def check_manifest(folder: Path) -> Manifest:
    """Compares a checkpoint with the list of its files, to the last byte.

    Raises:
        CheckpointError: Naming the first file that is missing, cut off, changed or not listed, and
            how many there are.
    """
    manifest = read_manifest(folder)
    faults = [
        fault
        for name, entry in manifest.files.items()
        if (fault := _fault(folder / name, name, entry)) is not None
    ]
    faults += [f"{name} does not belong to it" for name in _names(folder, manifest.files)]
    if faults:
        more = f" (and {len(faults) - 1} more such files)" if len(faults) > 1 else ""
        raise CheckpointError(f"{folder}: is not whole: {faults[0]}{more}; {_ADVICE}")
    return manifest


def said_of(folder: Path) -> str | None:
    """What is to be said before a checkpoint is read; None where nothing is.

    Raises:
        CheckpointError: As `read_manifest` does.
    """
    manifest = read_manifest(folder)
    return foreign(folder, manifest.files, manifest.own)


def check_trusted(folder: Path) -> Manifest:
    """Compares a checkpoint with its list, and warns once if it is from elsewhere.

    Raises:
        CheckpointError: As `check_manifest` does.
    """
    manifest = check_manifest(folder)
    warn_once(folder, foreign(folder, manifest.files, manifest.own))
    return manifest


def flush_folder(path: Path) -> None:
    """Waits until what was renamed in a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(path: Path, name: str, expected: FileEntry) -> str | None:
    try:
        if not path.is_file():
            return f"{name} is missing"
        length = path.stat().st_size
        if length != expected.bytes:
            return f"{name} has {length} bytes, not {expected.bytes}"
        if _entry(path).sha256 != expected.sha256:
            return f"{name} is not the file that was written"
    except OSError as error:
        return f"{name} cannot be read ({error})"
    return None


def _names(folder: Path, without: Mapping[str, Any] | None = None) -> list[str]:
    """Files in a folder and below it but for the list itself, sorted."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    known = without or {}
    return sorted(name for name in names if name != MANIFEST and name not in known)


def _entry(path: Path, flush: bool = False) -> FileEntry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if flush:
            os.fsync(file.fileno())
        return FileEntry(file.tell(), digest)


def is_local(path: Any, options: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is a folder of this machine, whose files can be listed."""
    local = isinstance(path, str | Path) and "://" not in str(path)
    return local and options.get("filesystem") is None
