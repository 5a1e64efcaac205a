"""The command: a person at the terminal or a page, and the score."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.main import main
from benchmarks.play.settings import drawn
from judges import read_cases
from vt_env import World

ROOT = Path(__file__).parents[3]
ALONE = ("--model", "none")


def begun(out: Path, *words: str, **pipes: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.cli.main", "play", "--out", str(out), *words]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "COLUMNS": "120"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **pipes,
    )  # fmt: skip


def files(out: Path) -> dict[str, Any]:
    (folder,) = out.iterdir()
    found = {name: (folder / name).read_text() for name in ("summary.json", "settings.json")}
    return {"folder": folder, **{name: json.loads(text) for name, text in found.items()}}


def test_a_game_in_the_terminal_and_its_end_before_its_time(tmp_path: Path) -> None:
    samples = [World("test")[index] for index in drawn(len(World("test")), 3, 5)]
    with begun(
        tmp_path, *ALONE, "--terminal", "--samples", "3", "--seed", "5", stdin=subprocess.PIPE
    ) as game:
        said, _ = game.communicate(f"{samples[0].answers[0]}\n/ask\nnonsense\n", timeout=100)
    assert game.returncode == 0, said
    assert "Right. Expected" in said and "Wrong. Expected" in said and "2 samples" in said
    assert re.search(r"you +0\.500", said) and re.search(r"perfect +1\.000", said)
    found = files(tmp_path)
    assert found["summary.json"]["accuracy"] == 0.5 and found["summary.json"]["episodes"] == 2
    assert found["settings.json"]["seed"] == 5
    cases = read_cases(found["folder"] / "episodes.jsonl")
    assert [case.references for case in cases] == [sample.answers for sample in samples[:2]]


def test_ctrl_c_at_the_page(tmp_path: Path) -> None:
    with begun(tmp_path, *ALONE) as game:
        assert game.stdout is not None
        assert "Play at http://127.0.0.1:" in game.stdout.readline()
        time.sleep(0.5)
        game.send_signal(signal.SIGINT)
        said = game.stdout.read()
    assert game.returncode == 0, said
    assert "there is no score" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "99999", *ALONE], "port 99999 cannot be listened on"),
        (["--model", "nowhere"], "nowhere"),
        (["--data", "nothing.jsonl", *ALONE], "nothing.jsonl"),
    ],
)
def test_what_cannot_be_played(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["play", "--out", str(tmp_path / "out"), *words])
    assert stopped.value.code == 2
    assert message in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_beside_the_embedded_policy(tmp_path: Path) -> None:
    words = ("--terminal", "--samples", "2", "--backend", "transformers")
    with begun(tmp_path, *words, stdin=subprocess.PIPE) as game:
        said, _ = game.communicate("a\nb\n", timeout=300)
    assert game.returncode == 0, said
    assert [name for name in ("you", "policy", "oracle", "perfect") if f"\n  {name} " in said] == [
        "you", "policy", "oracle", "perfect",
    ]  # fmt: skip
    found = files(tmp_path)
    assert list(found["summary.json"]["baselines"]) == ["policy", "oracle", "perfect"]
    ids = [
        [
            json.loads(line)["sample_id"]
            for line in (found["folder"] / name).read_text().splitlines()
        ]
        for name in ("episodes.jsonl", "policy.jsonl")
    ]
    assert ids[0] == ids[1] and len(ids[0]) == 2
