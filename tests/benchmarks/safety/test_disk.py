"""Files are whole or as they were; a folder that cannot be written to is named."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.safety.disk import (
    StorageError,
    append_lines,
    drafted,
    flush_tree,
    make_folder,
    probe,
    storing,
    write_json,
    write_whole,
)
from tests.benchmarks.safety.disk import ROOT, read_tree, run_recorded, shim
from vt_env import ConfigError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "here" / "a.json"
    write_json(file, {"a": 1})
    assert json.loads(file.read_text()) == {"a": 1}
    write_whole(file, b"\x00")
    assert file.read_bytes() == b"\x00"
    assert list(file.parent.iterdir()) == [file]


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    write_whole(file, "before")
    with pytest.raises(ValueError, match="halfway"), drafted(file) as draft:
        assert draft.suffix == ".png"
        draft.write_text("half")
        raise ValueError("halfway")
    assert read_tree(tmp_path) == {"a.png": b"before"}


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="a"):
        make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path)
    flush_tree(tmp_path)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from benchmarks.safety.disk import append_lines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
append_lines(Path(sys.argv[1]), ["x" * 40 + "\\n", "y" * 90 + "\\n"])
"""


def test_lines_are_added_all_or_none(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    append_lines(file, ["one\n"])
    append_lines(file, [])
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert "OSError" in done.stderr
    assert file.read_text() == "one\n"
    append_lines(file, ["two\n", "three\n"])
    assert file.read_text() == "one\ntwo\nthree\n"


def test_a_folder_that_is_gone_is_named_with_how_to_go_on(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(StorageError) as caught, storing(gone, lambda: "Go on so."):
        raise RuntimeError("PytorchStreamWriter failed")
    assert str(caught.value) == f"{gone}: cannot be written (No such file or directory). Go on so."
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_error_of_the_system_names_its_own_file(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/elsewhere/x")
    with pytest.raises(StorageError, match=r"^/elsewhere/x: .*No space left"), storing(tmp_path):
        raise error


def test_what_the_folder_has_no_part_in_stays_what_it_is(tmp_path: Path) -> None:
    assert probe(tmp_path) is None
    for error in (
        RuntimeError("other"),
        ConfigError("ours"),
        OSError(errno.ENOEXEC, "odd"),
        FileNotFoundError(errno.ENOENT, "what a plugin reads is missing", "words.txt"),
    ):
        with pytest.raises(type(error), match=str(error.args[-1])), storing(tmp_path):
            raise error
    with pytest.raises(KeyboardInterrupt), storing(tmp_path / "gone"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_inner_folder_is_the_one_that_is_told(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    with pytest.raises(StorageError) as caught, storing(tmp_path, lambda: "later"), storing(inner):
        raise RuntimeError("x")
    assert (caught.value.path, caught.value.told) == (inner, "later")


SHORT = (
    *("--engine.backend", "transformers", "--iterations", "3", "--run.checkpoint_every", "1"),
    *("--run.threads", "1", "--sft.batch_size", "2", "--eval-samples", "2"),
)


@pytest.mark.slow
@pytest.mark.parametrize("taken", [400_000, 2_500_000, 6_000_000])
def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, taken: int
) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    words = ["-m", "benchmarks.cli.main", "sft", *SHORT, "--out", str(root), "--run-id", "run"]
    done = run_recorded(shim(tmp_path), root, tmp_path / "steps", words, taken)
    run = root / "run"
    assert done.returncode == 2, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if "cannot be written" in line]
    assert "No space left on device" in line
    assert f"To go on: visionthink sft --resume {run}" in line
    assert "Traceback" not in done.stdout + done.stderr
    assert not list((run / "checkpoints").glob(".draft*"))
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks.cli.main", "sft", "--resume", str(run)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert again.returncode == 0, again.stderr[-2000:]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 3]
