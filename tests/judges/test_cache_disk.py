"""The verdict cache and disks: full, broken, read-only, or with a file that is not ours."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from judges import CachedJudge, JudgeCase, JudgeError, ReplayJudge, RuleJudge, Verdict, VerdictStore
from tests.judges.contract import CASES

NOBODY = 65534


class Counted(RuleJudge):
    """Counts what it is asked; each is paid for."""

    asked = 0

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.asked += len(cases)
        return super().judge(cases)


def many(start: int, count: int = 500) -> list[JudgeCase]:
    return [JudgeCase(f"How many in {start + i}?", ("1",), "1") for i in range(count)]


def play(path: Path) -> None:
    """Judges more than the disk takes; says what became of it. Run in a process of its own."""
    logging.basicConfig(stream=sys.stderr, format="LOG %(message)s")
    inner = Counted()
    judge = CachedJudge(inner, path)
    scores = []
    for start in (0, 500, 1000, 0, 500, 1000):
        scores += [verdict.score for verdict in judge.judge(many(start))]
    judge.close()
    print(json.dumps({"asked": inner.asked, "right": scores == [1.0] * 3000}))


def run(path: Path, before: str) -> tuple[dict[str, object], list[str]]:
    """Plays in a child; returns what it told, and its warnings."""
    code = (
        "import os, resource, sys; from pathlib import Path\n"
        "from tests.judges.test_cache_disk import play\n"
        f"{before}\nplay(Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout), [x for x in ended.stderr.splitlines() if x.startswith("LOG")]


def test_a_full_disk_costs_no_verdict(tmp_path: Path) -> None:
    """Files may not grow beyond 100 kB: what is over is refused, as by a disk that is full."""
    path = tmp_path / "cache.sqlite"
    size = 100_000
    told, warnings = run(path, f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))")
    assert told == {"asked": 1500, "right": True}
    assert [str(path) in line for line in warnings] == [True, True]
    assert "kept in memory" in warnings[0]
    assert "could not be written" in warnings[1]
    store = VerdictStore(path)
    assert len(store) in (0, 500, 1000)  # whole batches
    store.close()


def test_a_read_only_cache_is_read_and_the_rest_kept_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    path = folder / "cache.sqlite"
    past = CachedJudge(RuleJudge(), path)
    past.judge(many(500))
    past.close()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    above = [p for p in (tmp_path, *tmp_path.parents) if not p.stat().st_mode & 0o001]
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        for parent in above:  # the other user comes this way
            parent.chmod(0o711)
        told, warnings = run(path, f"os.getuid() or os.setuid({NOBODY})")
    finally:
        for parent in above:
            parent.chmod(0o700)
        folder.chmod(0o755)
    assert told == {"asked": 1000, "right": True}
    assert len(warnings) == 2
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_broken_file_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.sqlite"
    inner = Counted()
    judge = CachedJudge(inner, path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE verdicts")
    connection.close()
    assert not any(verdict.cached for verdict in judge.judge(CASES))
    assert all(verdict.cached for verdict in judge.judge(CASES))
    assert (inner.asked, judge.stats.stored, judge.stats.hits) == (len(CASES), 0, len(CASES))
    (warning,) = caplog.messages
    assert f"{path}: " in warning and "no such table" in warning
    with pytest.raises(JudgeError, match=r"cache\.sqlite: .*no such table"):
        judge.store.put("f", {b"key": Verdict(1.0)})
    judge.close()


def test_what_was_kept_in_memory_is_written_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    judge = CachedJudge(RuleJudge(), path)
    judge.judge(many(0))
    connection = judge.store._connect()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    judge.judge(many(500))
    assert (len(judge.store), judge.stats.stored) == (500, 500)
    connection.execute("PRAGMA max_page_count = 100000")
    judge.close()
    assert judge.stats.stored == 1000
    replay = ReplayJudge(path)
    assert len(replay.judge([*many(0), *many(500)])) == 1000
    replay.close()


@pytest.mark.parametrize("version", [0, 1, 7])
def test_another_programs_database_is_refused_unchanged(version: int, tmp_path: Path) -> None:
    path = tmp_path / "mail.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE letters (text)")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JudgeError, match=r"mail\.sqlite is another program's .*letters"):
        CachedJudge(RuleJudge(), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["mail.sqlite"]  # noqa: PTH208


@pytest.mark.parametrize("content", [b"x", b"short notes\n", b"notes " * 1000])
def test_a_file_that_is_no_database_is_refused_unchanged(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(JudgeError, match=r"notes\.txt is no verdict cache"):
        CachedJudge(RuleJudge(), path)
    assert path.read_bytes() == content


def test_places_without_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="is a folder"):
        CachedJudge(RuleJudge(), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(JudgeError, match="cannot be made"):
        CachedJudge(RuleJudge(), tmp_path / "file" / "cache.sqlite")
