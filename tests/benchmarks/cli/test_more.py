"""``visionthink data`` and ``visionthink judge``, in this process: they need no engine."""

import json
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.cli import data as cli_data
from benchmarks.cli.main import main
from benchmarks.faults.fault_server import FaultServer
from vt_env.data.validation import MAX_ERRORS


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
    assert "2 of 2 rows cannot be used" in said


def test_data_check_lists_more_bad_rows_than_an_error_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("no json\n" * (MAX_ERRORS + 200))
    code, said = run(capsys, "data", "check", str(data))
    assert code == 2
    assert said.count("data.jsonl:") == MAX_ERRORS + 200
    assert f"data.jsonl:{MAX_ERRORS + 200}: is not JSON" in said


def test_data_check_takes_the_settings_of_a_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "img").mkdir()
    Image.new("RGB", (30, 20), "red").save(tmp_path / "img" / "a.png")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"image": "a.png", "question": "Color?", "answer": "red"}) + "\n")
    given = ("--data.root", str(tmp_path / "img"), "--data.check", "header")
    assert "1 samples" in run(capsys, "data", "check", str(data), *given)[1]
    code, said = run(capsys, "data", "check", str(data), "--split", "test")
    assert (code, "not 'split'" in said) == (2, True)
    code, said = run(capsys, "data", "check", "world", "--split", "test")
    assert code == 0
    assert "samples, all usable" in said


def test_data_check_draws_its_progress_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_data, "console", Console(force_terminal=True, width=100, emoji=False))
    data = tmp_path / "data.jsonl"
    row = {"image": "a.png", "question": "Color?", "answer": "red"}
    data.write_text((json.dumps(row) + "\n") * 3000)
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    code, said = run(capsys, "data", "check", str(data))
    assert code == 0
    assert "checking" in said
    assert "100%" in said


def test_judge_audit_compares_two_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "episodes.jsonl"
    lines = [
        {"question": "How many?", "references": ["4"], "prediction": said} for said in ("4", "5")
    ]
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "report.json"
    code, said = run(
        capsys, "judge", "audit", str(records), "--second.name", "rule", "--out", str(out)
    )
    assert code == 0
    assert "compared 2" in said
    assert json.loads(out.read_text())["accuracy"] == 1.0


def test_judge_audit_asks_a_model_and_lists_where_it_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    records = tmp_path / "episodes.jsonl"
    said = ["Paris", "paris", "Rome", "Rome", "PARIS"]  # the server goes by the letter
    lines = [
        {"question": f"q{i}", "references": ["Paris"], "prediction": x} for i, x in enumerate(said)
    ]
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "report.json"
    with FaultServer() as server:
        model = ["--second.params.model", "m", "--second.params.base_url", f"{server.url}"]
        code, told = run(capsys, "judge", "audit", str(records), *model, "--out", str(out))
    assert code == 0
    assert "compared 5" in told
    assert "#1 rule=1 llm=0" in told
    assert "#4 rule=1 llm=0" in told
    report = json.loads(out.read_text())
    assert report["accuracy"] == pytest.approx(3 / 5)
    assert report["kappa"] == pytest.approx(2 / 7)
    assert [item["index"] for item in report["disagreements"]] == [1, 4]


def test_judge_audit_says_that_nothing_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    records = tmp_path / "episodes.jsonl"
    records.write_text('{"question": "q", "references": ["a"], "prediction": "a"}\n')
    model = ["--second.params.model", "m", "--second.params.base_url", "http://127.0.0.1:9/v1"]
    code, told = run(capsys, "judge", "audit", str(records), *model)
    assert code == 2
    assert "EndpointError" in told
    assert "start the server, or mend base_url" in told


def test_judge_audit_names_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "judge", "audit", "nowhere.jsonl")
    assert code == 2
    assert "nowhere.jsonl" in said


def small_pictures(folder: Path) -> str:
    Image.new("RGB", (40, 40), "red").save(folder / "small.png")
    Image.new("RGB", (400, 300), "red").save(folder / "large.png")
    lines = [
        {"image": f"{name}.png", "question": "Color?", "answer": "red"}
        for name in ("small", "small", "large")
    ]
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(data)


def test_data_check_says_of_how_many_a_sharper_view_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], checkpoint: Path
) -> None:
    data = small_pictures(tmp_path)
    code, said = run(capsys, "data", "check", data)
    assert code == 0
    assert "Of 1 of the first 3 samples (33%) a higher resolution can be asked for" in said
    assert "An image of 40x40 pixels costs as many visual tokens" in said
    said = run(capsys, "data", "check", data, "--data.check", "none")[1]
    assert "asked for" not in said
    full = (
        "--env.min_pixels",
        "262144",
        "--env.bounds",
        "full_view",
        "--env.max_pixels",
        "4194304",
    )
    assert "Of 3 of the first 3 samples (100%)" in run(capsys, "data", "check", data, *full)[1]
    tiny = run(capsys, "data", "check", data, "--model", str(checkpoint))[1]
    assert "Of 1 of the first 3" in tiny


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ([], "1000 of the first 1000 samples (100%)"),
        (["--env.token_family", "qwen3_vl"], "0 of the first 1000 samples (0%)"),
        (["--env.token_family", "qwen3_vl", "--canvas", "512"], "1000 of the first 1000"),
        (["--env.token_family", "internvl"], "0 of the first 1000"),
    ],
)
def test_data_check_looks_at_the_worlds_ladder(
    options: list[str], share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "data", "check", "world", *options)
    assert code == 0
    assert share in said
    assert ("no_higher_resolution" in said) == ("(0%)" in said)


def test_data_check_names_bounds_that_cannot_work(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(capsys, "data", "check", "world", "--env.token_family", "qwen3vl")
    assert (code, "Did you mean 'qwen3_vl'" in said) == (2, True)
    code, said = run(capsys, "data", "check", "world", "--model", "nowhere")
    assert (code, "not a checkpoint directory" in said) == (2, True)
