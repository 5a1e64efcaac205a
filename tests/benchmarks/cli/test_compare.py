"""``visionthink reference`` and ``visionthink compare``, in this process."""

import json
from pathlib import Path

import pytest

from benchmarks.cli.main import main
from tests.benchmarks.reference.made import made_run, made_runs


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    return int(ended.value.code or 0), capsys.readouterr().out


def test_a_reference_is_made_and_runs_are_compared_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_runs(tmp_path / "runs", 3, rewards__price=0.2)
    out = tmp_path / "out"
    code, said = run(
        capsys, "reference", "make", tmp_path / "runs", "--name", "dear", "--out", out,
        "--machine", "a laptop",
    )  # fmt: skip
    assert code == 0
    assert "dear.json: seeds 0, 1, 2" in said.replace("\n", "")
    file = out / "dear.json"
    assert json.loads(file.read_text())["made"]["machine"] == "a laptop"

    good = made_run(tmp_path / "good", 8, rewards__price=0.2)
    code, said = run(capsys, "compare", good, "--with", file)
    assert (code, "In the band of dear." in said) == (0, True)
    assert (good / "compare.png").is_file()

    far = made_run(tmp_path / "far", 8, shift=0.5)
    code, said = run(capsys, "compare", far, "--with", file, "--json", "--out", tmp_path / "a.png")
    assert code == 1
    found = json.loads(said)
    assert (found["inside"], found["reference"]) == (False, "dear")
    assert found["differs"] == [{"path": "rewards.price", "run": None, "reference": 0.2}]
    assert (tmp_path / "a.png").is_file() and not (far / "compare.png").exists()


def test_what_is_shipped_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "reference", "list")
    assert code == 0
    assert "default" in said and "make train SEED={seed}" in said


def test_what_is_no_run_is_an_error_and_not_outside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "compare", tmp_path)
    assert (code, "is no run folder" in said) == (2, True)
    code, said = run(capsys, "reference", "make")
    assert (code, "Name a sweep's folder" in said) == (2, True)
