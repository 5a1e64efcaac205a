"""Somebody else's package trains through the real command, without a file of ours touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.benchmarks.cli.test_main import visionthink

ACME = Path(__file__).parent / "acme_vision"
COLOURS = ("red", "green", "blue", "orange")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Rows in the package's own schema and format."""
    rows = ["# acme\n"]
    for colour in COLOURS:
        Image.new("RGB", (224, 224), colour).save(tmp_path / f"{colour}.png")
        rows.append(f"ask = What color is it?\nsay = {colour}\nshot = {colour}.png\n\n")
    path = tmp_path / "rows.acme"
    path.write_text("".join(rows))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("runners", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_training_with_one_of_each_kind(runners: int, data: Path, tmp_path: Path) -> None:
    done = visionthink(
        *("train", "--plugin", str(ACME), "--data", "acme_world"),
        *("--evaluation.data", str(data), "--rewards.preset", "acme"),
        *("--shaper", "acme_fee", "--grpo.shaper_params.fee", "0.25"),
        *("--judge", "acme_prefix", "--judge.params.letters", "2", "--env.tools", "acme_look"),
        *("--backend", "acme_engine", "--grpo.loss_type", "acme_reinforce", "--grpo.beta", "0"),
        *("--grpo.advantage_estimator", "acme_rloo", "--run.num_env_runners", str(runners)),
        *("--grpo.num_prompts", "2", "--grpo.num_generations", "4", "--eval-samples", "4"),
        *("--env.id", "acme/Look-v0", "--env.params.more_turns", "2"),
        *("--run.export", "acme_lines", "--run.export_project", "acme"),
        *("--iterations", "2", "--out", str(tmp_path), "--run-id", "acme"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = lines(tmp_path / "acme" / "metrics.jsonl")
    assert [row["iteration"] for row in metrics] == [1, 2]
    for row in metrics:
        assert 0 < row["rewards/acme_brevity/mean"] < 0.25
        assert row["rewards/shaping/mean"] == -0.25
        assert 0 < row["acme_sureness"] <= 1
        assert 0 < row["rewards/acme_grant/mean"] <= 0.125, "the environment is the package's"
        assert "clip_ratio/low_mean" not in row, "the objective is the package's"
        drawn = {name.split("/")[1] for name in row if name.startswith("by_family/")}
        assert drawn <= {"textures", "objects", "maps"}, "the suite is the package's"
    looked = 0
    for episode in lines(tmp_path / "acme" / "episodes.jsonl"):
        assert episode["references"][0] in COLOURS, "rows of the package's own format"
        assert set(episode["reward_terms"]) >= {"acme_brevity", "token_cost"}
        assert episode["question"] == "What color is it?"
        assert episode["reward"] == pytest.approx(sum(episode["reward_terms"].values()), abs=1e-5)
        first, *later = episode["turns"]
        if episode["requested"]:
            assert (first["tool"], [turn["tool"] for turn in later]) == ("acme_look", [None])
            paid = -0.2 * 18 / episode["full_tokens"]  # the first view, 16, and the tool, 2
            assert first["reward_terms"]["token_cost"] == pytest.approx(paid, abs=1e-6)
            looked += 1
    assert looked, "the package's tool was called"
    settings = json.loads((tmp_path / "acme" / "settings.json").read_text())
    assert settings["plugins"] == [str(ACME)]
    begun, *told, episodes, end = lines(tmp_path / "acme" / "acme_lines.jsonl")
    assert begun == {"name": "acme", "project": "acme", "resumed": False, "preset": "acme"}
    logged = [{k: row[k] for k in row if k != "iteration"} for row in metrics]
    assert told == [{"iteration": n, "metrics": row} for n, row in enumerate(logged, 1)]
    assert [size for size, _ in episodes["episodes"]] == [[112, 112]] * 4
    assert all(caption.startswith("What color is it? → ") for _, caption in episodes["episodes"])
    summary = json.loads((tmp_path / "acme" / "summary.json").read_text())
    assert end == {"accuracy": summary["accuracy"]}


def test_its_names_and_parameters_are_checked_as_ours_are(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "runs")]
    for arguments, said in (
        (["--shaper", "acme_fe"], "Did you mean 'acme_fee'"),
        (["--shaper", "acme_fee", "--grpo.shaper_params.fea", "1"], "Did you mean 'fee'"),
        (["--rewards.preset", "acme_vision.rewards:acme_brevity"], "must be a RewardConfig"),
        (["--env.id", "acme/Look-v1"], "acme/Look-v1"),
        (["--env.id", "acme/Look-v0", "--env.params.turns", "2"], "turns"),
    ):
        done = visionthink("train", "--plugin", str(ACME), *arguments, *out)
        assert done.returncode == 2
        assert said in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "runs").exists()


def test_its_schema_is_checked_row_by_row(data: Path) -> None:
    done = visionthink("data", "check", "--plugin", str(ACME), str(data))
    assert done.returncode == 0, done.stdout
    assert f"{len(COLOURS)} samples, all usable" in done.stdout
    with data.open("a") as file:
        file.write("ask = What color is it?\nsay = red\n\nask: What?\n")
    done = visionthink("data", "check", "--plugin", str(ACME), str(data))
    assert done.returncode == 2
    assert f"{data}:18: field 'shot': is missing; it is the image of acme's rows." in done.stdout
    assert f"{data}:21: expected 'key = value', got 'ask: What?'." in done.stdout


def test_without_the_plugin_nothing_of_it_is_known(data: Path) -> None:
    done = visionthink("data", "check", str(data))
    assert done.returncode == 2
    assert "holds no JSON; what is read: JSON lines" in done.stdout
    done = visionthink("data", "check", "--plugin", "acme_visoin", str(data))
    assert done.returncode == 2
    assert "PluginError: Plugin 'acme_visoin' cannot be loaded" in done.stdout


def test_its_judge_is_compared_with_ours(tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    record = {"question": "What color?", "references": ["red"], "prediction": "reddish"}
    records.write_text(json.dumps(record) + "\n")
    done = visionthink(
        *("judge", "audit", str(records), "--plugin", str(ACME)),
        *("--first.name", "acme_prefix", "--first.params.letters", "3", "--second.name", "rule"),
    )
    assert done.returncode == 0, done.stdout
    assert "acme_prefix" in done.stdout
