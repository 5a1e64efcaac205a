"""Folders for scratch that say which process made them: those of the dead can be cleared.

A file in them has its pid, when it started, and where its pid counts. A pid alone would not do:
another process may have it by now, or it may be one of another container or machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROC = Path("/proc")
OWNER = "owner"
"""The file that says whose a folder is."""


def started(pid: int) -> int | None:
    """When a process began, in ticks of the system's clock; None: there is none that runs."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


def scratch_folder(parent: Path, prefix: str) -> Path:
    """Makes a folder that is this process's, and its user's alone (mode 700)."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    (folder / OWNER).write_text(f"{os.getpid()} {started(os.getpid())} {_place()}\n")
    return folder


@contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """The same, for as long as this is open."""
    folder = scratch_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_leftovers(parent: Path, prefix: str) -> list[Path]:
    """Removes the folders of `scratch_folder` whose process is dead.

    What another user made, what is of another machine or container, and whatever else is there
    stays.

    Args:
        parent: Where they are.
        prefix: What they begin with.

    Returns:
        Those that are gone.
    """
    if not _PROC.is_dir():
        return []  # nobody says who is alive
    gone = []
    with suppress(OSError):
        gone = [path for path in parent.glob(f"{prefix}*") if _is_left_over(path)]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return [path for path in gone if not path.exists()]


def _is_left_over(path: Path) -> bool:
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        pid, began, place = (path / OWNER).read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return False  # not one of these
    if place != _place() or not (pid + began).isdigit():
        return False
    return started(int(pid)) != int(began)


def _place() -> str:
    """Where pids count: this machine, and on it this namespace."""
    try:
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        space = Path()
    told = f"{socket.gethostname()} {space}"
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]
