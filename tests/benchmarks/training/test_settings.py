"""Settings of runs: every number by name and range, in Python, in files and on the command line."""

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from agents.tiny import CHECKPOINT
from benchmarks.cli.main import main
from benchmarks.data.sources import DataSource
from benchmarks.evaluation.play import PlaySettings
from benchmarks.evaluation.policy import EvalSettings
from benchmarks.evaluation.quality import QualitySettings
from benchmarks.labelling.rule import LabelRule
from benchmarks.labelling.run import LabelSettings
from benchmarks.training.settings import TrainSettings
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError, VisionThinkError

NAN, INF = float("nan"), float("inf")
NEVER: tuple[Any, ...] = (NAN, INF, -1, "1", True, [1])
NUMBERS = [
    item.name
    for item in fields(TrainSettings)
    if item.type in ("int", "float", "int | None", "float | None")
]
PLAY = {"model": str(CHECKPOINT)}
EVAL = {
    "data": "world", "play": PlaySettings(**PLAY), "judge": {"name": "rule"},
    "untagged_answer": None, "samples": 1, "temperature": 0.0, "seed": 0, "decision": "policy",
}  # fmt: skip
QUALITY = {
    "play": PlaySettings(**PLAY), "suite": "mixed", "split": "test", "samples": 1, "seed": 0,
}  # fmt: skip
LABEL = {
    "source": DataSource("world"), "play": PlaySettings(**PLAY), "rule": LabelRule(),
    "judge": {"name": "rule"}, "temperature": 1.0, "samples": 1, "seed": 0, "batch": 1,
}  # fmt: skip


def test_every_number_of_a_run_is_known() -> None:
    assert len(NUMBERS) == 21


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_a_run(name: str, value: Any, tmp_path: Path) -> None:
    told = name if name != "max_abstention_share" else "max_abstention_share: the share"
    with pytest.raises(VisionThinkError, match=f"^{told}"):
        TrainSettings(**{name: value})
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**asdict(TrainSettings()), name: value}))
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {told}")):
        TrainSettings.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", None),
        ("epsilon", 1.0),
        ("temperature", 0),
        ("num_generations", 8.0),
        ("seed", 2**32),
        ("model", None),
        ("model", 7),
        ("data", ""),
        ("judge", ["rule"]),
        ("eval_data", 3),
        ("rewards", {"accuracy": 1}),
        ("prompt", 3),
        ("loss_type", 1),
        ("judge_params", "max_tries=3"),
        ("judge_params", [["max_tries", 3]]),
        ("shaper_params", None),
        ("shaper_params", {"theta": "high"}),
        ("shaper_params", {"theta": NAN}),
    ],
)
def test_wrong_types_in_a_file(name: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({**asdict(TrainSettings()), name: value}))
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {name}")):
        TrainSettings.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as settings"),
        ('{"seed": 1', "cannot be read as settings"),
        ("[1, 2]", "a JSON object, not"),
        ("null", "a JSON object, not"),
        ('"seed"', "a JSON object, not"),
        ("[" * 100_000, "cannot be read as settings"),
        ('{"betta": 1}', "Did you mean 'beta'"),
    ],
)
def test_files_that_are_no_settings(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrainSettings.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as settings"):
        TrainSettings.load(path)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    settings = TrainSettings(beta=0, shaper="paper", shaper_params={"theta": 0.3}, min_pixels=3136)
    settings.save(tmp_path / "settings.json")
    assert TrainSettings.load(tmp_path / "settings.json") == settings


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize(
    ("make", "given", "names"),
    [
        (EvalSettings, EVAL, "samples temperature seed"),
        (PlaySettings, PLAY, "max_new_tokens max_model_len min_pixels max_pixels"),
        (QualitySettings, QUALITY, "samples seed"),
        (LabelSettings, LABEL, "samples temperature seed batch"),
        (LabelRule, {}, "rollouts low_correct gap"),
    ],
    ids=["eval", "play", "quality", "label", "rule"],
)
def test_numbers_of_other_commands(make: Any, given: Any, names: str, value: Any) -> None:
    make(**given)
    for name in names.split():
        told = "sampling_seed" if (make, name) == (LabelSettings, "seed") else name
        with pytest.raises(ConfigError, match=f"^{told} must"):
            make(**{**given, name: value})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --beta nan", "beta must lie in [0, 1000]"),
        ("train --beta inf", "beta must lie in [0, 1000]"),
        ("train --epsilon 2", "epsilon must lie in [0, 1)"),
        ("train --epsilon-high nan", "epsilon_high must lie in [0, 100]"),
        ("train --temperature -1", "temperature must lie in (0, 2]"),
        ("train --lr nan", "lr must lie between 0 and 1"),
        ("train --max-abstention-share nan", "the share of abstentions lies in [0, 1]"),
        ("train --max-model-len 0", "max_model_len must be at least 1"),
        ("train --min-pixels -4", "min_pixels must be at least 1"),
        ("train --shaper paper --shaper-param theta=nan", "shaper_params.theta must lie in"),
        ("train --judge-param anls_threshold=nan", "anls_threshold must be a number"),
        ("eval --temperature nan", "temperature must lie in [0, 2]"),
        ("eval --max-new-tokens 0", "max_new_tokens must be at least 1"),
        ("eval --seed -1", "seed must be at least 0 and at most 4294967295"),
        ("quality --seed -1", "seed must be at least 0 and at most 4294967295"),
        ("quality --max-model-len 0", "max_model_len must be at least 1"),
        ("data label --model {model} --out {out}/l --temperature nan", "temperature must lie in"),
        ("data label --model {model} --out {out}/l --max-model-len 0", "max_model_len must be at"),
        ("pretrain --out {out}/p --lr nan", "lr must lie between 0 and 1"),
    ],
)
def test_the_command_line(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments.format(model=CHECKPOINT, out=tmp_path).split()
    if words[0] == "train":
        words += ["--out", str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().out.replace("\n", " ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({}, "malformed"),
        ({"rewards": "paper"}, "judge"),
        ({"rewards": "paper", "untagged_answer": "malformed"}, "malformed"),
        ({"untagged_answer": "judge"}, "judge"),
    ],
)
def test_answers_without_tags_in_training(settings: dict[str, str], rule: str) -> None:
    chosen = TrainSettings(**settings)  # type: ignore[arg-type]
    for env_settings in (chosen.train_env(), chosen.eval_env()):
        assert VisionThinkEnv(**env_settings).factory.config.untagged_answer == rule
