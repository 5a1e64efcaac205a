"""Verdicts kept on disk: content-addressed, shared by many processes, replayable.

The key of a verdict is the SHA-256 of everything it depends on: the judge's fingerprint (model,
prompt version, settings) and the case. Abstentions are kept for replays alone: who asks anew
has them asked again, and a score takes their place.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from judges.base import Judge, JudgeCase, Tell, Usage, Verdict, check_judge, judge_each
from judges.errors import CacheMissError, JudgeError

_SCHEMA_VERSION = 1
_BUSY_SECONDS = 60.0
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


@dataclass(frozen=True)
class CacheStats:
    """What a cache has answered since its judge was built.

    Attributes:
        hits: Cases answered from the disk.
        repeated: Cases answered by an identical one of the same batch.
        misses: Cases that were asked.
        stored: Scores written.
    """

    hits: int = 0
    repeated: int = 0
    misses: int = 0
    stored: int = 0

    @property
    def hit_share(self) -> float:
        """Share of cases that were not asked, in [0, 1]; 0 when there were none."""
        answered = self.hits + self.repeated
        return answered / (answered + self.misses) if answered + self.misses else 0.0


def fingerprint_of(judge: Judge) -> str:
    """Returns what a judge's verdicts depend on: its `fingerprint`, else its name."""
    return str(getattr(judge, "fingerprint", judge.name))


def case_key(fingerprint: str, case: JudgeCase) -> bytes:
    """Returns the 32-byte key under which a judge's verdict on a case is kept."""
    content = (
        _SCHEMA_VERSION,
        fingerprint,
        case.question,
        case.references,
        case.prediction,
        case.kind,
        case.choices,
        case.tolerance,
    )
    return hashlib.sha256(json.dumps(content).encode()).digest()


class VerdictStore:
    """The SQLite file. Safe for many threads and processes on one machine's disk.

    Args:
        path: The file; made with its folder when it is not there.
        must_exist: Refuse to make a new file.

    Raises:
        JudgeError: If the file is missing (with `must_exist`), or is no store of this version.
    """

    def __init__(self, path: str | Path, must_exist: bool = False) -> None:
        self.path = Path(path)
        if must_exist and not self.path.is_file():
            raise JudgeError(f"There is no verdict cache at {self.path}.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
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
            raise JudgeError(f"{self.path} is no verdict cache: {error}") from error
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


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Sets a new connection up, and the file too when it is new."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in (0, _SCHEMA_VERSION):
        raise JudgeError(f"{path} has cache version {version}, not {_SCHEMA_VERSION}.")
    if version == 0:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.executescript(
            f"BEGIN IMMEDIATE; {_CREATE} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
        )
    connection.execute("PRAGMA synchronous = NORMAL")


def _rows(judge_id: int, verdicts: Mapping[bytes, Verdict]) -> Iterable[tuple[object, ...]]:
    """Yields the verdicts as rows."""
    for key, verdict in verdicts.items():
        used = verdict.usage
        cost = (used.prompt_tokens, used.completion_tokens, used.calls)
        yield (key, judge_id, verdict.judge, verdict.score, verdict.abstained, *cost)


class CachedJudge:
    """Asks another judge only what it has not answered before.

    Identical cases of one batch are asked once; the others get the same verdict at no cost.

    Args:
        judge: The judge to ask.
        path: The cache's file.
    """

    def __init__(self, judge: Judge, path: str | Path) -> None:
        self._judge = judge
        self._store = VerdictStore(path)
        self._stats = CacheStats()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the judge behind."""
        return self._judge.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the judge behind."""
        return fingerprint_of(self._judge)

    @property
    def stats(self) -> CacheStats:
        """Hits and misses since the judge was built."""
        return self._stats

    @property
    def store(self) -> VerdictStore:
        """The file behind."""
        return self._store

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        """Judges a batch; keeps and tells each verdict as it comes, so that none is paid twice.

        Raises:
            JudgeError: If the file cannot be read or written, or as the judge behind does.
        """
        fingerprint = self.fingerprint
        places: dict[bytes, list[int]] = {}
        for place, case in enumerate(cases):
            places.setdefault(case_key(fingerprint, case), []).append(place)
        found = self._store.get(list(places))
        known = {key: verdict for key, verdict in found.items() if verdict.score is not None}
        asked = [key for key in places if key not in known]
        hits = sum(len(places[key]) for key in known)
        self._count(hits, len(cases) - hits - len(asked), len(asked), 0)
        verdicts: dict[int, Verdict] = {}

        def spread(news: Mapping[bytes, Verdict]) -> None:
            told = {}
            for key, verdict in news.items():
                told[places[key][0]] = verdict
                free = replace(verdict, cached=True, usage=Usage())
                told.update(dict.fromkeys(places[key][1:], free))
            verdicts.update(told)
            if told:
                tell(told)

        def keep(fresh: Mapping[int, Verdict]) -> None:
            news = {asked[index]: verdict for index, verdict in fresh.items()}
            self._store.put(fingerprint, news)
            self._count(0, 0, 0, sum(verdict.score is not None for verdict in news.values()))
            spread(news)

        spread(known)
        if asked:
            judge_each(self._judge, [cases[places[key][0]] for key in asked], keep)
        return [verdicts[place] for place in range(len(cases))]

    def check(self) -> None:
        """Lets the judge behind find out whether it can work."""
        check_judge(self._judge)

    def close(self) -> None:
        """Closes the file and the judge behind."""
        self._store.close()
        close = getattr(self._judge, "close", None)
        if close is not None:
            close()

    def __getstate__(self) -> dict[str, object]:
        return {"judge": self._judge, "path": self._store.path}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _count(self, hits: int, repeated: int, misses: int, stored: int) -> None:
        """Adds a batch to the counts."""
        with self._lock:
            old = self._stats
            self._stats = CacheStats(
                old.hits + hits, old.repeated + repeated, old.misses + misses, old.stored + stored
            )


class ReplayJudge:
    """Answers from a cache alone, so that a run can be scored again with no model at hand.

    Args:
        path: The cache's file; must exist.
        fingerprint: Whose verdicts; None when the cache holds those of one judge only.

    Raises:
        JudgeError: If the file is missing, or it is not clear whose verdicts are meant.
    """

    def __init__(self, path: str | Path, fingerprint: str | None = None) -> None:
        self._store = VerdictStore(path, must_exist=True)
        known = list(self._store.fingerprints())
        if fingerprint is None and len(known) == 1:
            fingerprint = known[0]
        if fingerprint is None or fingerprint not in known:
            self._store.close()
            listed = "; ".join(known) or "none"
            raise JudgeError(f"{path}: name the judge to replay by its fingerprint. Here: {listed}")
        self._fingerprint = fingerprint

    @property
    def name(self) -> str:
        """Always ``"replay"``; each verdict names the judge that decided it."""
        return "replay"

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the judge that is replayed."""
        return self._fingerprint

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Returns the verdicts of the past, in the order of `cases`.

        Raises:
            CacheMissError: If one of the cases was never judged.
        """
        keys = [case_key(self._fingerprint, case) for case in cases]
        known = self._store.get(list(dict.fromkeys(keys)))
        missing = [case for key, case in zip(keys, cases, strict=True) if key not in known]
        if missing:
            raise CacheMissError(
                f"{len(missing)} of {len(cases)} cases are not in {self._store.path}; "
                f"the first asks {missing[0].question[:80]!r}."
            )
        return [known[key] for key in keys]

    def close(self) -> None:
        """Closes the file."""
        self._store.close()
