"""Verdicts kept on disk: content-addressed, shared by many processes, replayable.

The key of a verdict is the SHA-256 of everything it depends on: the judge's fingerprint (model,
prompt version, settings) and the case. Abstentions are kept for replays alone: who asks anew
has them asked again, and a score takes their place.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from judges.base import Judge, JudgeCase, JudgeLike, Tell, Usage, Verdict, as_judge, judge_each
from judges.errors import CacheMissError, JudgeError
from judges.store import SCHEMA_VERSION, VerdictStore

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 60.0
"""How long a file that failed is left alone."""


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


def case_key(fingerprint: str, case: JudgeCase) -> bytes:
    """Returns the 32-byte key under which a judge's verdict on a case is kept."""
    content = (
        SCHEMA_VERSION,
        fingerprint,
        case.question,
        case.references,
        case.prediction,
        case.kind,
        case.choices,
        case.tolerance,
    )
    return hashlib.sha256(json.dumps(content).encode()).digest()


class CachedJudge(Judge):
    """Asks another judge only what it has not answered before.

    Identical cases of one batch are asked once; the others get the same verdict at no cost.

    A disk that fails costs no verdict that was paid for: from then on they are kept in memory too,
    which a warning says once, and they are written when the disk lets them, at the latest when the
    judge is closed.

    Args:
        judge: The judge to ask.
        path: The cache's file.

    Raises:
        JudgeError: If the file cannot be opened, or is no verdict cache.
    """

    def __init__(self, judge: JudgeLike, path: str | Path) -> None:
        self._judge = as_judge(judge)
        self._store = VerdictStore(path)
        self._stats = CacheStats()
        self._lock = threading.Lock()
        self._troubled = False
        self._wait_until = 0.0
        self._memory: dict[bytes, Verdict] = {}
        self._unsaved: dict[str, dict[bytes, Verdict]] = {}

    @property
    def name(self) -> str:
        """The name of the judge behind."""
        return self._judge.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the judge behind."""
        return self._judge.fingerprint

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
            JudgeError: As the judge behind does.
        """
        fingerprint = self.fingerprint
        places: dict[bytes, list[int]] = {}
        for place, case in enumerate(cases):
            places.setdefault(case_key(fingerprint, case), []).append(place)
        found = self._find(list(places))
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
            self._count(0, 0, 0, self._keep(fingerprint, news))
            spread(news)

        spread(known)
        if asked:
            judge_each(self._judge, [cases[places[key][0]] for key in asked], keep)
        return [verdicts[place] for place in range(len(cases))]

    def check(self) -> None:
        """Lets the judge behind find out whether it can work."""
        self._judge.check()

    def close(self) -> None:
        """Closes the file and the judge behind."""
        self._wait_until = 0.0
        for fingerprint in list(self._unsaved):
            self._count(0, 0, 0, self._keep(fingerprint, {}))
        lost = sum(len(verdicts) for verdicts in self._unsaved.values())
        if lost:
            _LOG.warning("%s: %d verdicts could not be written.", self._store.path, lost)
        self._store.close()
        self._judge.close()

    def __getstate__(self) -> dict[str, object]:
        return {"judge": self._judge, "path": self._store.path}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """Returns what is known of cases, from the file and from memory."""
        found: dict[bytes, Verdict] = {}
        try:
            found = self._store.get(keys)
        except JudgeError as error:
            self._fail(error)
        for key in keys if self._memory else ():
            if key in self._memory and (key not in found or found[key].score is None):
                found[key] = replace(self._memory[key], cached=True, usage=Usage())
        return found

    def _keep(self, fingerprint: str, news: Mapping[bytes, Verdict]) -> int:
        """Keeps verdicts, in memory where the file fails; returns how many scores were written."""
        with self._lock:
            if not self._troubled:
                waiting = dict(news)
            else:
                self._memory.update(news)
                waiting = self._unsaved.setdefault(fingerprint, {})
                waiting.update(news)
                if time.monotonic() < self._wait_until:
                    return 0
            try:
                self._store.put(fingerprint, waiting)
            except JudgeError as error:
                self._fail(error)
                self._memory.update(news)
                self._unsaved[fingerprint] = waiting
                return 0
            self._unsaved.pop(fingerprint, None)
            return sum(verdict.score is not None for verdict in waiting.values())

    def _fail(self, error: JudgeError) -> None:
        """Goes on in memory; says so the first time."""
        self._wait_until = time.monotonic() + _RETRY_SECONDS
        if not self._troubled:
            self._troubled = True
            _LOG.warning("%s From here on verdicts are kept in memory too.", error)

    def _count(self, hits: int, repeated: int, misses: int, stored: int) -> None:
        """Adds a batch to the counts."""
        with self._lock:
            old = self._stats
            self._stats = CacheStats(
                old.hits + hits, old.repeated + repeated, old.misses + misses, old.stored + stored
            )


class ReplayJudge(Judge):
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
