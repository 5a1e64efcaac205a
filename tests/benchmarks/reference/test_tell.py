import json
from pathlib import Path

import pytest

from benchmarks.reference import Reference
from benchmarks.reference.compare import compare
from benchmarks.reference.tell import as_json, interval, list_references, show, verdict
from benchmarks.report.html.runs import read_run
from tests.benchmarks.reference.made import made_run


def told(
    reference: Reference, path: Path, capsys: pytest.CaptureFixture[str], **changes: object
) -> str:
    run = read_run(made_run(path, 11, **changes), "run")  # type: ignore[arg-type]
    show(compare(run, reference), Path("compare.png"))
    return capsys.readouterr().out


def test_a_run_in_the_band(
    reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(reference, tmp_path / "run", capsys)
    assert "beside default (seeds 0, 1, 2, 3, 4; make train SEED={seed})" in said
    assert "Its settings are those of the reference." in said
    assert "20 of 20 iterations." in said
    assert "Final evaluation" in said
    assert "In the band of default.\nPicture: compare.png" in said


def test_a_run_that_leaves_it_with_other_settings(
    reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(reference, tmp_path / "run", capsys, shift=0.4, rewards__price=0.2)
    assert "Not like with like: settings differ." in said
    assert "  rewards.price: 0.2; none in the reference" in said
    assert "above in 5–20" in said
    assert (
        "Outside the band of default: leaves it from iteration 5 on, first with 'asks when not'; "
        "ends outside in asks when not." in said
    )


def test_a_run_under_way(
    reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = told(reference, tmp_path / "run", capsys, iterations=8, done=False)
    assert "8 of 20 iterations, under way: no final evaluation yet." in said
    assert "Final evaluation" not in said


def test_as_json(reference: Reference, tmp_path: Path) -> None:
    found = compare(read_run(made_run(tmp_path / "run", 11, shift=0.4), "run"), reference)
    parsed = json.loads(as_json(found, Path("a.png")))
    assert (parsed["reference"], parsed["inside"], parsed["picture"]) == ("default", False, "a.png")
    (course,) = [c for c in parsed["courses"] if c["metric"] == "request_rate_no_need"]
    assert course["leaves"] == [{"first": 5, "count": 16, "above": True}]


def test_shares_end_where_shares_end() -> None:
    assert interval("accuracy", -0.1, 1.2) == "0.0% … 100.0%"
    assert interval("visual_tokens/share_of_full", 0.7, 1.25) == "70.0% … 125.0%"
    assert interval("reward", -0.1, 1.2) == "-0.100 … 1.200"
    assert interval("reward", None, None) == "–"


def test_the_list(reference: Reference, capsys: pytest.CaptureFixture[str]) -> None:
    list_references([reference])
    said = capsys.readouterr().out
    assert "default" in said and "0,1,2,3,4" in said and "2027-01-05" in said


def test_the_verdict_of_an_end_alone(reference: Reference, tmp_path: Path) -> None:
    path = made_run(tmp_path / "run", 11)
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps({**summary, "accuracy": 0.5}))
    found = compare(read_run(path, "run"), reference)
    assert verdict(found) == "Outside the band of default: ends outside in accuracy."
