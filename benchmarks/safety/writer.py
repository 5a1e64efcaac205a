"""One writer a folder: two of them would mix their rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vt_env import ConfigError

LOCK = ".lock"


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Keeps others from writing into a folder, or to a file, for as long as this is open.

    The lock is the operating system's: it ends with the process, however that ends.

    Args:
        path: The folder, which is there; or the file.

    Raises:
        ConfigError: If another process writes there.
    """
    from filelock import FileLock, Timeout

    lock = path / LOCK if path.is_dir() else path.with_name(f".{path.name}{LOCK}")
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise ConfigError(
            f"{path}: another process writes there; wait for it to end, or end it first."
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written to ({error}).") from error
    try:
        yield
    finally:
        held.release()
