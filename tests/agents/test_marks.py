"""A checkpoint from elsewhere is told before its pickles run; one's own is not."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from agents import marks
from agents.errors import ForeignCheckpointWarning
from agents.manifest import MANIFEST, check_trusted, read_manifest, said_of, write_manifest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(marks, "_TOLD", set())
    return tmp_path / "cache"


def checkpoint(path: Path, name: str = "learner_group/state.pkl") -> Path:
    (path / name).parent.mkdir(parents=True)
    (path / name).write_bytes(b"state")
    write_manifest(path, {"position": 8})
    return path


def test_what_this_user_wrote_here_is_ones_own(tmp_path: Path, cache: Path) -> None:
    folder = checkpoint(tmp_path / "a")
    assert said_of(folder) is None
    assert check_trusted(folder).own
    assert said_of(Path(shutil.copytree(folder, tmp_path / "moved"))) is None
    key = cache / "visionthink" / "checkpoint-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [file.name for file in key.parent.iterdir()] == [key.name], "no draft is left"
    assert key.read_bytes().hex() not in (folder / MANIFEST).read_text()


def test_another_user_or_machine_is_told_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint(tmp_path / "a")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of another"))
    said = said_of(folder)
    assert said is not None
    assert str(folder) in said and "1 pickled files hold (learner_group/state.pkl" in said
    with pytest.warns(ForeignCheckpointWarning, match="reading it runs"):
        check_trusted(folder)
    check_trusted(folder)  # said once


def change_mark(folder: Path, mark: object) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    content["mark"] = mark
    (folder / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize("mark", [None, "", "0" * 64, 7, ["x"]])
def test_a_mark_cannot_be_made_up(tmp_path: Path, mark: object) -> None:
    folder = checkpoint(tmp_path / "a")
    change_mark(folder, mark)
    assert not read_manifest(folder).own
    assert said_of(folder) is not None


def test_the_mark_of_one_checkpoint_is_none_of_another(tmp_path: Path) -> None:
    first, second = checkpoint(tmp_path / "a"), checkpoint(tmp_path / "b", "other.pkl")
    change_mark(second, json.loads((first / MANIFEST).read_text())["mark"])
    assert said_of(second) is not None


def test_a_list_of_before_has_no_mark(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "a")
    content = json.loads((folder / MANIFEST).read_text())
    del content["mark"]
    (folder / MANIFEST).write_text(json.dumps(content))
    assert said_of(folder) is not None


def test_without_pickles_there_is_nothing_to_say(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "a", "model.safetensors")
    change_mark(folder, None)
    assert said_of(folder) is None


def test_a_cache_that_cannot_be_written_marks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = checkpoint(tmp_path / "a")
    assert not read_manifest(folder).own
    assert said_of(folder) is not None
