"""Weights & Biases: offline unless somebody is logged in; the real package, without a network."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.exporters.to_wandb import WandbExporter, logged_in
from tests.benchmarks.exporters.packages import PLAY, brought, run
from vt_env import ConfigError


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a key; returns where its netrc would be."""
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def test_who_is_logged_in(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not logged_in()
    nobody.write_text("machine api.wandb.ai login user password abc\n")
    nobody.chmod(0o600)
    assert logged_in()
    monkeypatch.setenv("WANDB_BASE_URL", "https://own.example:8080")
    assert not logged_in()
    nobody.write_text("machine own.example login user password abc\n")
    assert logged_in()
    nobody.write_text("this is no netrc\n")
    assert not logged_in()
    monkeypatch.setenv("WANDB_API_KEY", "abc")
    assert logged_in()


def test_a_key_is_not_asked_for_in_the_middle_of_training(
    nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ModuleType("wandb")
    package.__file__ = "wandb/__init__.py"
    monkeypatch.setitem(sys.modules, "wandb", package)
    WandbExporter().check()
    monkeypatch.setenv("WANDB_MODE", "offline")
    WandbExporter().check()
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(ConfigError, match="WANDB_MODE is online, and nobody is logged in"):
        WandbExporter().check()
    monkeypatch.setenv("WANDB_API_KEY", "abc")
    WandbExporter().check()


READ = """
import json, struct
from wandb.proto import wandb_internal_pb2 as pb

def records(data):  # blocks of 32 KiB; a chunk: checksum, size, and whether it begins or ends one
    place, whole = 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        whole += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):
            yield pb.Record.FromString(whole)
            whole = b""

def values(items):
    return {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}

for file in sorted(Path(folder).glob("wandb/offline-run-*/*.wandb")):
    told = {"id": None, "config": {}, "rows": [], "summary": {}, "exit": None}
    for record in records(file.read_bytes()):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            told |= {"id": record.run.run_id, "project": record.run.project}
            told["config"] |= values(record.run.config.update)
        elif kind == "history":
            told["rows"].append(values(record.history.item))
        elif kind == "summary":
            told["summary"] |= values(record.summary.update)
        elif kind == "exit":
            told["exit"] = record.exit.exit_code
    print("FOUND" + json.dumps(told))
"""


@pytest.mark.slow
def test_a_run_and_its_going_on_are_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    packages = brought("wandb", request)
    printed = run(f"NAME = 'wandb'\n{PLAY}{READ}", packages, tmp_path)
    assert "export:" not in printed
    assert "hunter22" not in printed
    found = [json.loads(line[5:]) for line in printed.splitlines() if line.startswith("FOUND")]
    assert [one["id"] for one in found] == ["a-run", "a-run"]
    assert [one["project"] for one in found] == ["visionthink"] * 2
    assert [one["exit"] for one in found] == [1, 0], "one was ended, the other came to its end"
    for one in found:
        assert one["config"]["rewards.price"] == 0.25
        assert one["config"]["provenance"] == {
            "visionthink": "0.1.0", "command": ["visionthink", "train"],
        }  # fmt: skip
    first, second = ([row for row in one["rows"] if "reward" in row] for one in found)
    assert [(row["iteration"], row["reward"]) for row in first] == [(1, 0.1), (2, 0.2)]
    assert [(row["iteration"], row["reward"]) for row in second] == [(2, 0.2), (3, 0.3)]
    (images,) = [row for row in found[1]["rows"] if "episodes/count" in row]
    assert (images["iteration"], images["episodes/count"]) == (3, 2)
    assert all("after asking" in caption for caption in images["episodes/captions"])
    assert found[1]["summary"]["Final/policy/accuracy"] == 0.75
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/images/*.png"))
