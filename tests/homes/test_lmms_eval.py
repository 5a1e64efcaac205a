"""lmms-eval 0.7 in an environment of its own: the score is that of `visionthink eval`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.homes.venvs import ROOT, run_in

pytestmark = [pytest.mark.slow, pytest.mark.homes, pytest.mark.timeout(3600)]

ROWS = 100
BUDGET = 4
"""Tokens that the task allows for an answer: fewer than any turn has."""
TASK = ROOT / "examples" / "homes" / "lmms_eval"
MAIN = "from benchmarks.cli.main import main; main()"
METADATA = "import sys; from setuptools import build_meta as b; "
METADATA += "b.prepare_metadata_for_build_wheel(sys.argv[1])"


def ours(*words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, timeout=900, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows written by ours, and what is installed of this package: its metadata alone."""
    made = tmp_path_factory.mktemp("lmms")
    rows = made / "test.parquet"
    ours("-c", MAIN, "data", "export", "--data.split", "test", "--samples", f"{ROWS}",
         "--out", str(rows))  # fmt: skip
    (made / "task").mkdir()
    for file in TASK.iterdir():
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            text = text.replace("runs/lmms_eval/test.parquet", str(rows))
            text = text.replace("max_new_tokens: 16", f"max_new_tokens: {BUDGET}")
            (made / "task" / file.name).write_text(text, encoding="utf-8")
    (made / "installed").mkdir()
    ours("-c", METADATA, str(made / "installed"))
    return made


@pytest.fixture(scope="module")
def theirs(folder: Path) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """What lmms-eval printed, its results and its logged samples."""
    told = run_in(
        "lmms_eval", str(TASK / "run.py"),
        *("--model", "visionthink", "--model_args", "backend=transformers,resolutions=0.5:1"),
        *("--tasks", "visionthink_world", "--include_path", str(folder / "task")),
        *("--batch_size", "1", "--log_samples", "--output_path", str(folder / "out")),
        seconds=1800,
        PYTHONPATH=f"{ROOT}:{folder / 'installed'}",
        HF_HOME=str(folder / "hf"), HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1",
    )  # fmt: skip
    found = list((folder / "out").rglob("*_results.json"))
    assert found, told  # it ends with exit code 0 after an error too
    (results,) = found
    (samples,) = (folder / "out").rglob("*_samples_visionthink_world.jsonl")
    lines = samples.read_text(encoding="utf-8").splitlines()
    logged = sorted(map(json.loads, lines), key=lambda sample: sample["doc_id"])
    return told, json.loads(results.read_text(encoding="utf-8")), logged


def test_the_score_is_that_of_our_evaluation(
    folder: Path, theirs: tuple[str, dict[str, Any], list[dict[str, Any]]]
) -> None:
    ours(
        "-c", MAIN, "eval", "--engine.backend", "transformers",
        *("--data.name", str(folder / "test.parquet"), "--out", str(folder / "eval")),
    )  # fmt: skip
    lines = (folder / "eval" / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
    played = [json.loads(line) for line in lines]
    _, results, logged = theirs
    assert len(played) == len(logged) == ROWS
    assert [one["prediction"] or "" for one in played] == [answer_of(one) for one in logged]
    score = results["results"]["visionthink_world"]["accuracy,none"]
    assert abs(score - sum(one["score"] or 0.0 for one in played) / ROWS) < 1e-12
    assert [one["accuracy"] for one in logged] == [one["score"] or 0.0 for one in played]
    assert [one["visual_tokens"] for one in played] == [
        one["token_counts"][0]["visual_tokens"] for one in logged
    ]
    assert score > 0.5


def answer_of(logged: dict[str, Any]) -> str:
    told = logged["filtered_resps"]
    return str(told[0] if isinstance(told, list) else told)


def test_requests_and_tokens_are_in_the_logged_samples(
    folder: Path, theirs: tuple[str, dict[str, Any], list[dict[str, Any]]]
) -> None:
    _, _, logged = theirs
    counts = [one["token_counts"][0] for one in logged]
    asked = [one for one in counts if one["requests"]]
    assert 0 < len(asked) < ROWS
    assert all(one["turns"] == 1 + one["requests"] for one in counts if one["ending"] == "answered")
    assert all(one["visual_tokens"] > one["full_tokens"] for one in asked)
    assert all(one["input_tokens"] > one["visual_tokens"] > 0 for one in counts)
    assert all(one["output_tokens"] > 0 for one in counts)


def test_that_a_tasks_budget_is_no_limit_of_a_turn_is_said(
    theirs: tuple[str, dict[str, Any], list[dict[str, Any]]],
) -> None:
    told, _, logged = theirs
    said = re.search(rf"visionthink_world: its max_new_tokens={BUDGET} is for a bare answer", told)
    assert said is not None
    counts = [one["token_counts"][0] for one in logged]
    assert all(one["output_tokens"] > BUDGET * one["turns"] for one in counts)
