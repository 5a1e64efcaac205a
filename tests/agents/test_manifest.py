"""A checkpoint is whole to the last byte, or it is refused by the name of what is wrong."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.errors import CheckpointError
from agents.manifest import MANIFEST, check_manifest, read_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint as RLlib nests it."""
    made = tmp_path / "iteration_00002"
    for name in ("state.pkl", "learner_group/learner/state.pkl", "env_runner/metadata.json"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(name.encode() * 100)
    (made / "empty.bin").touch()
    write_manifest(made, {"position": 48})
    return made


def test_what_was_written_is_whole(folder: Path, tmp_path: Path) -> None:
    manifest = check_manifest(folder)
    assert manifest.about == {"position": 48}
    assert manifest == read_manifest(folder)
    assert sorted(manifest.files) == [
        *("empty.bin", "env_runner/metadata.json"),
        *("learner_group/learner/state.pkl", "state.pkl"),
    ]
    assert not list(folder.glob(".*")), "no draft is left"
    copied = shutil.copytree(folder, tmp_path / "copied")
    assert check_manifest(copied) == manifest


def test_writing_it_again_takes_in_what_changed(folder: Path) -> None:
    (folder / "more").write_text("x")
    write_manifest(folder, {})
    assert "more" in check_manifest(folder).files


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "no such checkpoint folder"),
    "no list": (lambda f: (f / MANIFEST).unlink(), "manifest.json, which is written last, is miss"),
    "a folder missing": (
        lambda f: shutil.rmtree(f / "learner_group"),
        "learner_group/learner/state.pkl is missing",
    ),
    "a file missing": (lambda f: (f / "state.pkl").unlink(), "state.pkl is missing"),
    "two files missing": (
        lambda f: [(f / "state.pkl").unlink(), (f / "empty.bin").unlink()],
        "empty.bin is missing (and 1 more such files)",
    ),
    "a file cut off": (
        lambda f: (f / "state.pkl").write_bytes(b"state"),
        "state.pkl has 5 bytes, not 900",
    ),
    "a file changed": (
        lambda f: (f / "state.pkl").write_bytes(b"x" * 900),
        "state.pkl is not the file that was written",
    ),
    "a file of another": (
        lambda f: (f / "module_state.pkl").touch(),
        "module_state.pkl does not belong to it",
    ),
    "a folder in a file's place": (
        lambda f: [(f / "state.pkl").unlink(), (f / "state.pkl").mkdir()],
        "state.pkl is missing",
    ),
    "a list cut off": (
        lambda f: (f / MANIFEST).write_bytes((f / MANIFEST).read_bytes()[:60]),
        "manifest.json: cannot be read",
    ),
    "a list of another shape": (lambda f: (f / MANIFEST).write_text("[]"), "cannot be read"),
    "a list of another format": (
        lambda f: (f / MANIFEST).write_text('{"format": 7}'),
        "format 7, not 1",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_whole_is_named(name: str, folder: Path) -> None:
    spoil, message = FAULTS[name]
    spoil(folder)
    with pytest.raises(CheckpointError, match=re.escape(message)) as error:
        check_manifest(folder)
    said = str(error.value)
    assert str(folder) in said
    assert "\n" not in said
    assert name == "no folder" or "copy the whole folder again" in said


def test_the_list_is_plain_json(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    assert set(content) == {"format", "about", "files", "mark"}
    assert content["files"]["empty.bin"] == {
        "bytes": 0,
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
