"""The file that verdicts are kept in."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from judges.base import Verdict
from judges.errors import JudgeError

SCHEMA_VERSION = 1
_BUSY_SECONDS = 60.0
_HEADER = b"SQLite format 3\x00"
_TABLES = frozenset({"judges", "verdicts"})
_CHUNK = 500
_INHERITED: list[sqlite3.Connection] = []  # a parent's, never to be closed by its fork
_CREATE = """
CREATE TABLE IF NOT EXISTS judges (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS verdicts (
    key BLOB PRIMARY KEY,
    judge_id INTEGER NOT NULL REFERENCES judges (id),
    decided_by TEXT NOT NULL,
    score REAL,
    abstained TEXT,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    calls INTEGER NOT NULL
) WITHOUT ROWID;
"""
_KEEP = (
    "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "decided_by = excluded.decided_by, score = excluded.score, abstained = excluded.abstained, "
    "prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens, "
    "calls = excluded.calls WHERE verdicts.score IS NULL"
)


class VerdictStore:
    """The SQLite file. Safe for many threads and processes on one machine's disk.

    Args:
        path: The file; made with its folder when it is not there.
        must_exist: Refuse to make a new file.

    Raises:
        JudgeError: If the file is missing (with `must_exist`), cannot be opened, or is no store of
            this version. Nothing is written to what is no store.
    """

    def __init__(self, path: str | Path, must_exist: bool = False) -> None:
        self.path = Path(path)
        if must_exist and not self.path.is_file():
            raise JudgeError(f"There is no verdict cache at {self.path}.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_others(self.path)
        except OSError as error:
            raise JudgeError(f"{self.path}: the verdict cache cannot be made ({error}).") from error
        self._lock = threading.RLock()
        self._pid = -1
        self._connection: sqlite3.Connection | None = None
        with self._lock:
            self._connect()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """Returns the verdicts that are there, each with `cached` set and no cost."""
        found: dict[bytes, Verdict] = {}
        with self._lock, self._named():
            connection = self._connect()
            for start in range(0, len(keys), _CHUNK):
                chunk = keys[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(
                    "SELECT key, score, abstained, decided_by FROM verdicts "
                    f"WHERE key IN ({marks})",
                    chunk,
                )
                for key, score, abstained, decided_by in rows:
                    found[key] = Verdict(score, abstained, decided_by, cached=True)
        return found

    def put(self, fingerprint: str, verdicts: Mapping[bytes, Verdict]) -> None:
        """Keeps verdicts, each until a score takes the place of an abstention.

        Raises:
            JudgeError: If the file cannot be written.
        """
        with self._lock, self._named():
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                judge_id = self._judge_id(connection, fingerprint)
                connection.executemany(_KEEP, _rows(judge_id, verdicts))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise

    def fingerprints(self) -> dict[str, int]:
        """Returns how many verdicts each judge has here, by its fingerprint."""
        with self._lock:
            rows = self._connect().execute(
                "SELECT fingerprint, COUNT(key) FROM judges LEFT JOIN verdicts "
                "ON judge_id = id GROUP BY fingerprint ORDER BY fingerprint"
            )
            return dict(rows.fetchall())

    def __len__(self) -> int:
        with self._lock:
            return int(self._connect().execute("SELECT COUNT(*) FROM verdicts").fetchone()[0])

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Names the file in what SQLite raises."""
        try:
            yield
        except sqlite3.Error as error:
            raise JudgeError(
                f"{self.path}: the verdict cache cannot be read or written ({error}); look at its "
                "disk and rights, or give another file."
            ) from error

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def _connect(self) -> sqlite3.Connection:
        """Returns this process's connection; a fork must not use its parent's."""
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        try:
            connection = _open(self.path)
        except sqlite3.Error as error:
            connection = _open_unchanged(self.path, error)
        if self._connection is not None:
            _INHERITED.append(self._connection)
        self._connection, self._pid = connection, os.getpid()
        return connection

    @staticmethod
    def _judge_id(connection: sqlite3.Connection, fingerprint: str) -> int:
        """Returns the number of a judge, entering it first when it is new."""
        connection.execute("INSERT OR IGNORE INTO judges (fingerprint) VALUES (?)", (fingerprint,))
        query = "SELECT id FROM judges WHERE fingerprint = ?"
        return int(connection.execute(query, (fingerprint,)).fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    """Opens the file, and sets it up when it is new.

    SQLite does not wait for its turn to switch a new file to its write-ahead log, so processes
    that start together take turns here.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path)
        except BaseException as error:
            connection.close()
            locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            if not locked or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return connection


def _open_unchanged(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Opens a store that cannot be written to for reading: its disk is full or read-only.

    Raises:
        JudgeError: If it cannot be read either.
    """
    if "locked" not in str(error):
        for how in ("mode=ro", "mode=ro&immutable=1"):  # the second leaves out what is in the log
            try:
                return _open_to_read(path, how)
            except sqlite3.Error:
                continue
    raise _no_store(path, error) from error


def _open_to_read(path: Path, how: str) -> sqlite3.Connection:
    """Opens a store that is there."""
    address = f"{path.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        if _version(connection, path) == 0:
            raise sqlite3.OperationalError("it is empty")
    except BaseException:
        connection.close()
        raise
    return connection


def _no_store(path: Path, error: sqlite3.Error) -> JudgeError:
    return JudgeError(
        f"{path} is no verdict cache that can be used ({error}); look at its disk and rights, or "
        "give another file."
    )


def _refuse_others(path: Path) -> None:
    """Refuses files that are no database: SQLite would write over a short one.

    Raises:
        JudgeError: If it is one.
    """
    if path.is_dir():
        raise JudgeError(f"{path} is a folder, no verdict cache; give a file.")
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(len(_HEADER))
        if start not in (b"", _HEADER):
            raise JudgeError(f"{path} is no verdict cache, nor any database; give another file.")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a store; 0 for an empty file.

    Raises:
        JudgeError: If it is a database of somebody else's, or of another version.
    """
    connection.execute("BEGIN")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
        ).fetchall()
    finally:
        connection.execute("COMMIT")
    names = [str(name) for (name,) in rows]
    if (version == 0 and names) or (names and not set(names) >= _TABLES):
        listed = ", ".join(names[:5])[:200]
        raise JudgeError(
            f"{path} is another program's database (its tables: {listed}), no verdict cache; give "
            "another file."
        )
    if version not in (0, SCHEMA_VERSION):
        raise JudgeError(f"{path} has cache version {version}, not {SCHEMA_VERSION}.")
    return version if names else 0


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Sets a new connection up, and the file too when it is new."""
    if _version(connection, path) == 0:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.executescript(
            f"BEGIN IMMEDIATE; {_CREATE} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    connection.execute("PRAGMA synchronous = NORMAL")


def _rows(judge_id: int, verdicts: Mapping[bytes, Verdict]) -> Iterable[tuple[object, ...]]:
    """Yields the verdicts as rows."""
    for key, verdict in verdicts.items():
        used = verdict.usage
        cost = (used.prompt_tokens, used.completion_tokens, used.calls)
        yield (key, judge_id, verdict.judge, verdict.score, verdict.abstained, *cost)
