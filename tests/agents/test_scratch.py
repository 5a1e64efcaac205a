"""Folders that carry their owner: those of the dead are cleared, all others stay."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from agents.scratch import clear_leftovers, scratch, scratch_folder, started

MAKE = """
import sys, time
from pathlib import Path
from agents.scratch import scratch_folder
print(scratch_folder(Path(sys.argv[1]), "x-"), flush=True)
time.sleep(600)
"""


def test_folders_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", MAKE, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    theirs, mine = Path(child.stdout.readline().strip()), scratch_folder(tmp_path, "x-")
    (theirs / "weights").write_bytes(b"w")
    try:
        assert clear_leftovers(tmp_path, "x-") == []
        assert theirs.is_dir()
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and its pid not free yet
        assert clear_leftovers(tmp_path, "x-") == [theirs]
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert not theirs.exists()
    assert mine.is_dir()


def test_a_pid_that_another_process_has_by_now_is_not_trusted(tmp_path: Path) -> None:
    mine = scratch_folder(tmp_path, "x-")
    prefix, pid, began, place, chance = mine.name.split("-", 4)
    assert (int(pid), int(began, 16)) == (os.getpid(), started(os.getpid()))
    before = tmp_path / f"{prefix}-{pid}-{int(began, 16) - 1:x}-{place}-{chance}"
    before.mkdir()
    assert clear_leftovers(tmp_path, "x-") == [before]
    assert mine.is_dir()


def test_what_is_of_elsewhere_stays(tmp_path: Path) -> None:
    place = scratch_folder(tmp_path, "x-").name.split("-")[3]
    other = "0000" if place != "0000" else "1111"
    kept = [
        tmp_path / f"x-4194000-1-{other}-container",
        tmp_path / "x-abcdefgh",
        tmp_path / f"y-4194000-1-{place}-abcdefgh",
    ]
    for path in kept:
        path.mkdir()
    (tmp_path / f"x-4194000-1-{place}-link").symlink_to(tmp_path / "y-4194000-1-{place}-abcdefgh")
    (tmp_path / f"x-4194000-1-{place}-file").touch()
    assert clear_leftovers(tmp_path, "x-") == []
    assert all(path.is_dir() for path in kept)


def test_it_is_there_as_long_as_it_is_open_and_for_its_user_alone(tmp_path: Path) -> None:
    with scratch(tmp_path, "x-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert not folder.exists()


def test_there_is_no_start_of_what_is_not_there() -> None:
    assert started(4194304 + 1) is None
