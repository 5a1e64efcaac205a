"""Folders that carry their owner: those of the dead are cleared, all others stay."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from agents.scratch import OWNER, clear_leftovers, scratch, scratch_folder, started

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
    mine, before = scratch_folder(tmp_path, "x-"), scratch_folder(tmp_path, "x-")
    pid, began, place = (mine / OWNER).read_text().split()
    assert (int(pid), int(began)) == (os.getpid(), started(os.getpid()))
    (before / OWNER).write_text(f"{pid} {int(began) - 1} {place}")
    assert clear_leftovers(tmp_path, "x-") == [before]
    assert mine.is_dir()


def test_what_is_of_elsewhere_stays(tmp_path: Path) -> None:
    place = (scratch_folder(tmp_path, "x-") / OWNER).read_text().split()[2]
    owners = {
        "x-elsewhere": f"4194305 1 {'0' * len(place)}",
        "x-nobody": None,
        "x-odd": "4194305",
        "x-words": f"some body {place}",
        "y-other": f"4194305 1 {place}",
    }
    for name, owner in owners.items():
        (tmp_path / name).mkdir()
        if owner is not None:
            (tmp_path / name / OWNER).write_text(owner)
    (tmp_path / "x-link").symlink_to(tmp_path / "y-other")
    (tmp_path / "x-file").touch()
    assert clear_leftovers(tmp_path, "x-") == []
    assert all((tmp_path / name).is_dir() for name in owners)
    assert clear_leftovers(tmp_path, "y-") == [tmp_path / "y-other"]


def test_it_is_there_as_long_as_it_is_open_and_for_its_user_alone(tmp_path: Path) -> None:
    with scratch(tmp_path, "x-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert not folder.exists()


def test_there_is_no_start_of_what_is_not_there() -> None:
    assert started(4194304 + 1) is None
