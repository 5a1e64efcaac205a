"""What a process did to a folder, step by step, and what a power cut after any step may leave."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ACKNOWLEDGED = "acknowledged"
"""A step that a process writes down itself: what it has promised."""
Loss = Literal["nothing", "data", "names", "both"]
"""What is lost of what was not flushed: bytes of files, entries of folders, or both."""


def shim(folder: Path) -> Path:
    """Compiles the library that writes steps down."""
    library = folder / "disk_shim.so"
    source = HERE / "disk_shim.c"
    command = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    try:
        subprocess.run([*command, "-lpthread"], check=True, capture_output=True, timeout=60)
    except FileNotFoundError:  # pragma: no cover
        pytest.skip("needs gcc")
    return library


def run_recorded(
    library: Path, root: Path, log: Path, words: Sequence[str], disk_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs Python with what it does under `root` written down; the disk takes so many bytes."""
    env = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "DISK_ROOT": str(root),
        "DISK_LOG": str(log),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    if disk_bytes is not None:
        env["DISK_BYTES"] = str(disk_bytes)
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env=env, text=True, capture_output=True, timeout=300, check=False
    )


@dataclass(frozen=True)
class Step:
    """One thing that was done: to which path, and with which bytes."""

    what: str
    offset: int
    path: str
    other: str
    data: bytes


def read_steps(log: Path) -> list[Step]:
    """What was written down."""
    content, at, found = log.read_bytes(), 0, []
    while at < len(content):
        end = content.index(b"\n", at)
        what, offset, length, path, other = content[at:end].decode().split("\t")
        data = content[end + 1 : end + 1 + int(length)]
        found.append(Step(what, int(offset), path, other, data))
        at = end + 1 + int(length)
    return found


@dataclass
class File:
    """What a file holds, and what of it is on the disk for certain; each with its number."""

    data: bytearray = field(default_factory=bytearray)
    flushed: bytes = b""
    number: int = field(default_factory=lambda: next(_numbers))
    flushed_number: int = -1

    def change(self) -> None:
        """Gives what it holds another number."""
        self.number = next(_numbers)

    def left(self, data_lost: bool) -> "Content":
        """What of it is left."""
        if data_lost:
            return Content(self.flushed_number, self.flushed)
        return Content(self.number, self.data)


_numbers = count()


@dataclass(frozen=True)
class Content:
    """Bytes, told apart by a number."""

    number: int
    data: bytes | bytearray = field(compare=False, repr=False)


@dataclass
class Folder:
    """The entries of a folder, and those that are on the disk for certain."""

    entries: "dict[str, File | Folder]" = field(default_factory=dict)
    flushed: "dict[str, File | Folder]" = field(default_factory=dict)


class Disk:
    """A folder to which steps are done; entries that were not flushed may be lost alone."""

    def __init__(self) -> None:
        self.root = Folder()

    def do(self, step: Step) -> None:
        """Does the next step."""
        if step.what == "sync":
            self._flush(step.path)
            return
        parent, name = self._parent(step.path)
        if step.what == "create":
            parent.entries[name] = File()
        elif step.what == "mkdir":
            parent.entries[name] = Folder()
        elif step.what == "remove":
            del parent.entries[name]
        elif step.what == "rename":
            moved = parent.entries.pop(name)
            target, new = self._parent(step.other)
            target.entries[new] = moved
        else:
            file = parent.entries[name]
            assert isinstance(file, File), step
            if step.what == "truncate":
                del file.data[step.offset :]
            else:
                assert step.what == "write", step
                file.data.extend(bytes(max(0, step.offset - len(file.data))))
                file.data[step.offset : step.offset + len(step.data)] = step.data
            file.change()

    def _flush(self, path: str) -> None:
        there = self.root
        if path != ".":
            parent, name = self._parent(path)
            entry = parent.entries[name]
            if isinstance(entry, File):
                entry.flushed, entry.flushed_number = bytes(entry.data), entry.number
                return
            there = entry
        there.flushed = dict(there.entries)

    def _parent(self, path: str) -> tuple[Folder, str]:
        there, (*above, name) = self.root, path.split("/")
        for part in above:
            entry = there.entries[part]
            assert isinstance(entry, Folder)
            there = entry
        return there, name

    def left(self, loss: Loss) -> dict[str, Content | None]:
        """What a power cut now leaves: files with their bytes, folders with None."""
        return dict(_left(self.root, "", loss in ("data", "both"), loss in ("names", "both")))


def _left(
    folder: Folder, above: str, data_lost: bool, names_lost: bool
) -> Iterator[tuple[str, Content | None]]:
    for name, entry in (folder.flushed if names_lost else folder.entries).items():
        if isinstance(entry, File):
            yield above + name, entry.left(data_lost)
        else:
            yield above + name, None
            yield from _left(entry, f"{above}{name}/", data_lost, names_lost)


def read_tree(root: Path) -> dict[str, bytes | None]:
    """A folder of the real disk, as `Disk.left` tells it."""
    return {
        path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
    }


def write_tree(tree: Mapping[str, Content | None], root: Path, pool: Path) -> None:
    """Makes the real disk so; what is in a file is written once, into the pool."""
    root.mkdir(parents=True)
    pool.mkdir(exist_ok=True)
    for name, content in tree.items():
        path = root / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (kept := pool / str(content.number)).exists():
            kept.write_bytes(content.data)
        path.hardlink_to(kept)
