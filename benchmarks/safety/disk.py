"""What is written is whole or not there, also after a power cut; a full disk is said by name."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.manifest import flush_folder
from vt_env import VisionThinkError

PROBE_BYTES = 4 * 2**20
"""What a folder must still take for an error to be another's than its disk's."""
_OF_THE_DISK = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG")
    if hasattr(errno, name)
}
"""What a disk alone says; a file that is missing or closed may be one that is read."""


class StorageError(VisionThinkError):
    """A file or folder that can no longer be written to: full, read-only, or gone.

    Attributes:
        path: Which one.
        reason: What the operating system says.
        told: How to go on; empty where nobody knows.
    """

    def __init__(self, path: Path, reason: str, told: str = "") -> None:
        super().__init__(f"{path}: cannot be written ({reason}). {told}".rstrip())
        self.path, self.reason, self.told = path, reason, told


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, where they are not there; they are on the disk afterwards.

    Raises:
        OSError: If one cannot be made, or is a file.
    """
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        flush_folder(one.parent)


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A file that takes the place of another at the end, or goes if anything fails.

    After a crash at any moment, a power cut among them, there is the old file or the new one.

    Args:
        path: The file; folders above it are made.

    Yields:
        The one to be written, beside it and with its suffix.
    """
    make_folder(path.parent)
    draft = path.with_name(f".draft-{path.name}")
    try:
        yield draft
        flush_folder(draft)  # a file is flushed as a folder is
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    flush_folder(path.parent)


def write_whole(path: Path, data: bytes | str) -> None:
    """Writes a file through a draft.

    Args:
        path: The file.
        data: What is to be in it.

    Raises:
        OSError: If it cannot be written; the file is then as it was.
    """
    with drafted(path) as draft:
        draft.write_bytes(data.encode() if isinstance(data, str) else data)


def write_json(path: Path, value: object) -> None:
    """Writes JSON through a draft; as `write_whole`."""
    write_whole(path, json.dumps(value, indent=1) + "\n")


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Adds lines to a file, all of them or none; they are on the disk afterwards.

    Args:
        path: The file; made where it is not there.
        lines: Each with its end.

    Raises:
        OSError: If they cannot be written; the file is then as it was.
    """
    new = not path.exists()
    rest = memoryview("".join(lines).encode())
    with path.open("ab", buffering=0) as file:  # a buffer would be written once more when it closes
        before = file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), before)
            raise
    if new:
        flush_folder(path.parent)


def flush_tree(folder: Path) -> None:
    """Waits until all that is in a folder and below it is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        flush_folder(path)  # a file's descriptor is flushed alike


def probe(folder: Path) -> OSError | None:
    """Tries whether a folder still takes `PROBE_BYTES`; what hinders it, if anything does."""
    file = folder / f".probe-{os.getpid()}"
    try:
        with file.open("wb") as out:
            out.write(bytes(PROBE_BYTES))
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        return error
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    return None


@contextmanager
def storing(folder: Path, told: Callable[[], str] = str) -> Iterator[None]:
    """Has whatever fails in here because a folder cannot be written to fail as `StorageError`.

    Libraries say it in ways of their own (a `RuntimeError` of torch's, a `SafetensorError`, a task
    of Ray's that failed), so when anything fails the folder is tried.

    Args:
        folder: Where is written.
        told: Says how to go on; it is asked when something has failed.

    Raises:
        StorageError: In place of any error but our own, if that is why.
    """
    try:
        yield
    except StorageError as error:
        raise StorageError(error.path, error.reason, error.told or told()) from error
    except VisionThinkError:
        raise
    except Exception as error:
        own = isinstance(error, OSError) and error.errno in _OF_THE_DISK and error.filename
        found = error if own else probe(folder)
        if not isinstance(found, OSError):
            raise
        path = Path(os.fsdecode(found.filename)) if own else folder
        raise StorageError(path, found.strerror or str(found), told()) from error
