"""``visionthink data`` and ``visionthink judge``, in this process: they need no engine."""

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0), capsys.readouterr().out


def test_data_check_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"image": "a.png", "question": "Color?", "answer": "red"}) + "\n")
    code, said = run(capsys, "data", "check", str(data))
    assert code == 0
    assert "1 samples, all usable" in said
    assert "30x20" in said


def test_data_check_lists_every_bad_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"image": "a.png", "question": "Color?", "answer": "red"}\nno json\n')
    code, said = run(capsys, "data", "check", str(data))
    assert code == 2
    assert "data.jsonl:1: field 'image'" in said
    assert "data.jsonl:2:" in said


def test_judge_audit_compares_two_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "episodes.jsonl"
    lines = [
        {"question": "How many?", "references": ["4"], "prediction": said} for said in ("4", "5")
    ]
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "report.json"
    code, said = run(capsys, "judge", "audit", str(records), "--second", "rule", "--out", str(out))
    assert code == 0
    assert "compared 2" in said
    assert json.loads(out.read_text())["accuracy"] == 1.0


def test_judge_audit_names_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "judge", "audit", "nowhere.jsonl")
    assert code == 2
    assert "nowhere.jsonl" in said
