"""Settings of runs: every one by path and range, in Python, in files and on the command line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agents.engine import EngineSettings
from agents.grpo.config import GRPOSettings
from agents.tiny import CHECKPOINT
from agents.tiny.recipe import PretrainConfig
from benchmarks.cli.main import main
from benchmarks.data.export import ExportSettings
from benchmarks.data.preview import PreviewSettings
from benchmarks.evaluation.policy import EvalSettings
from benchmarks.evaluation.quality import QualitySettings
from benchmarks.labelling.labels import LabelRule, RuleSettings
from benchmarks.labelling.run import LabelSettings
from benchmarks.training.settings import EvaluationSettings, RunSettings, TrainSettings
from vt_env.config import EnvSettings
from vt_env.data.settings import DataSettings
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError, UnknownNameError, VisionThinkError
from vt_env.rewards import RewardSettings
from vt_env.settings.fields import kinds
from vt_env.settings.tree import build, flatten, leaves, nest
from vt_env.tasks.world import WorldSettings

NAN, INF = float("nan"), float("inf")
NEVER: tuple[Any, ...] = (NAN, INF, -1, "1", True, [1])
NUMBERS = [leaf.path for leaf in leaves(TrainSettings) if leaf.kind.base in (int, float)]
GROUPS = {
    RunSettings: "run", EngineSettings: "engine", DataSettings: "data", WorldSettings: "world",
    EnvSettings: "env", RewardSettings: "rewards", GRPOSettings: "grpo",
    EvaluationSettings: "evaluation",
}  # fmt: skip


def test_every_number_of_a_run_is_known() -> None:
    assert len(NUMBERS) == 69


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_of_a_run(path: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(path)} must"):
        build(TrainSettings, {path: value})
    if not isinstance(value, float):
        file = tmp_path / "settings.json"
        file.write_text(json.dumps(nest({**flatten(TrainSettings()), path: value})))
        with pytest.raises(ConfigError, match=re.escape(f"{file}: {path} must")):
            TrainSettings.load(file)


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("owner", GROUPS)
def test_a_group_checks_itself(owner: Any, value: Any) -> None:
    numbers = [name for name, kind in kinds(owner).items() if kind.base in (int, float)]
    assert numbers
    for name in numbers:
        with pytest.raises(VisionThinkError, match=rf"^{name} must"):
            owner(**{name: value})


WRONG = [
    ("grpo.beta", None),
    ("grpo.epsilon", 1.0),
    ("grpo.temperature", 0),
    ("grpo.num_generations", 8.0),
    ("run.seed", 2**32),
    ("engine.model_dir", None),
    ("engine.model_dir", 7),
    ("data.name", ""),
    ("judge.name", ["rule"]),
    ("judge", "rule"),
    ("evaluation.data", 3),
    ("evaluation.judge", 3),
    ("evaluation.judge_params", "rate=0.1"),
    ("rewards.preset", {"accuracy": 1}),
    ("rewards", "paper"),
    ("env.prompt", 3),
    ("env.tools", "resize"),
    ("env.tools", [1]),
    ("env.resolutions", ["half", 1]),
    ("env.resolutions", 0.5),
    ("data.allow_urls", "yes"),
    ("grpo.loss_type", 1),
    ("judge.params", "max_tries=3"),
    ("judge.params", [["max_tries", 3]]),
    ("grpo.shaper_params", None),
    ("grpo.shaper_params", {"theta": "high"}),
    ("grpo.shaper_params", {"theta": NAN}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_types_in_a_file(name: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(nest({name: value})))
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
        ('{"grpo": {"betta": 1}}', "Did you mean 'grpo.beta'"),
        ('{"grpo.betta": 1}', "Did you mean 'grpo.beta'"),
        ('{"beta": 1}', "Did you mean 'grpo.beta'"),
        ('{"grop": {"beta": 1}}', "Did you mean 'grpo'"),
        ('{"grpo": 3}', "grpo is a group of settings"),
        ('{"env": {"invalid_call": "fedback"}}', "Did you mean 'feedback'"),
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
    settings = TrainSettings(
        env=EnvSettings(tools=("resize", "crop"), resolutions=(0.25, 1), min_pixels=3136),
        grpo=GRPOSettings(beta=0, shaper="paper", shaper_params={"theta": 0.3}),
        data=DataSettings("a.jsonl", root=Path("images")),
    )
    settings.save(tmp_path / "settings.json")
    assert TrainSettings.load(tmp_path / "settings.json") == settings


def test_paths_and_groups_say_the_same() -> None:
    by_path = build(TrainSettings, {"run.seed": 1, "grpo.lr": 1e-4, "judge.params.model": "m"})
    in_tables = build(TrainSettings, nest({"run.seed": 1, "grpo.lr": 1e-4}))
    assert (by_path.run.seed, by_path.grpo.lr, by_path.judge.params) == (1, 1e-4, {"model": "m"})
    assert (in_tables.run, in_tables.grpo) == (by_path.run, by_path.grpo)
    later = build(TrainSettings, {"judge.params": {"model": "m"}}, {"judge.params.max_tries": 2})
    assert later.judge.params == {"model": "m", "max_tries": 2}


def test_settings_that_do_not_apply_are_told() -> None:
    for values, message in (
        (
            {"data.name": "a.jsonl", "world.canvas": 224},
            "world.canvas is a setting of the embedded",
        ),
        ({"data.root": "images"}, "data.root is a setting of datasets of files"),
    ):
        with pytest.raises(ConfigError, match=message):
            build(TrainSettings, values)
    build(TrainSettings, {"data.name": "a.jsonl", "evaluation.data": "world", "world.canvas": 224})


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (EvalSettings, "samples temperature seed max_abstention_share"),
        (QualitySettings, "samples seed"),
        (LabelSettings, "samples temperature seed batch rule.rollouts rule.low_correct rule.gap"),
        (ExportSettings, "samples world.canvas"),
        (PreviewSettings, "samples columns side"),
        (PretrainConfig, "seed lr shards tower_steps low_share"),
    ],
    ids=["eval", "quality", "label", "export", "preview", "pretrain"],
)
def test_numbers_of_other_commands(owner: Any, names: str, value: Any) -> None:
    build(owner, {})
    for path in names.split():
        with pytest.raises(ConfigError, match=f"^{re.escape(path)} must"):
            build(owner, {path: value})


def test_the_rule_of_labels_checks_itself() -> None:
    for name in ("rollouts", "low_correct", "gap"):
        for value in NEVER:
            with pytest.raises(ConfigError, match=f"^{name} must"):
                LabelRule(**{name: value})
            with pytest.raises(ConfigError, match=f"^{name} must"):
                RuleSettings(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --grpo.beta nan", "grpo.beta must lie in [0, 1000] and be a number, got nan"),
        ("train --grpo.beta inf", "grpo.beta must lie in [0, 1000]"),
        ("train --grpo.beta high", "grpo.beta must lie in [0, 1000] and be a number, got 'high'"),
        ("train --grpo.epsilon 2", "grpo.epsilon must lie in [0, 1)"),
        ("train --grpo.epsilon_high nan", "grpo.epsilon_high must lie in [0, 100]"),
        ("train --grpo.temperature -1", "grpo.temperature must lie in (0, 2]"),
        ("train --lr nan", "grpo.lr must lie between 0 and 1"),
        ("train --grpo.max_abstention_share nan", "max_abstention_share must lie in [0, 1]"),
        ("train --engine.max_model_len 0", "engine.max_model_len must be at least 1"),
        ("train --env.min_pixels -4", "env.min_pixels must be at least 1"),
        ("train --env.max_turns two", "env.max_turns must be at least 1 and be a whole number"),
        ("train --env.max_trns 3", "Did you mean --env.max_turns"),
        ("train --env.invalid_call stop", "Unknown env.invalid_call 'stop'"),
        ("train --data.allow_urls=maybe", "data.allow_urls"),
        ("train --world.canvas 100", "world.canvas must be a multiple of 56 or 64"),
        ("train --world.families chart", "Did you mean 'charts'"),
        ("train --env.tools crop,resise", "Did you mean 'resize'"),
        ("train --shaper paper --grpo.shaper_params.theta nan", "grpo.shaper_params: theta must"),
        ("train --judge.params.anls_threshold nan", "anls_threshold must be a number"),
        ("train GRPO_BETTA=1", "There is no setting GRPO_BETTA. Did you mean 'GRPO_BETA'?"),
        ("eval --temperature nan", "temperature must lie in [0, 2]"),
        ("eval --engine.max_new_tokens 0", "engine.max_new_tokens must be at least 1"),
        ("eval --seed -1", "seed must be at least 0 and at most 4294967295"),
        ("eval --decision asks", "Unknown decision 'asks'"),
        ("quality --seed -1", "seed must be at least 0 and at most 4294967295"),
        ("quality --engine.max_model_len 0", "engine.max_model_len must be at least 1"),
        ("data label --model {model} --out {out}/l --temperature nan", "temperature must lie in"),
        ("data label --out {out}/l --engine.max_model_len 0", "engine.max_model_len must be at"),
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


def test_a_choice_that_is_none_is_an_error_of_both_kinds() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'feedback'"):
        EnvSettings(invalid_call="fedback")
    with pytest.raises(ConfigError):
        EnvSettings(invalid_call="stop")


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({}, "malformed"),
        ({"rewards.preset": "paper"}, "judge"),
        ({"rewards.preset": "paper", "rewards.price": 0.3}, "judge"),
        ({"rewards.preset": "paper", "env.untagged_answer": "malformed"}, "malformed"),
        ({"env.untagged_answer": "judge"}, "judge"),
    ],
)
def test_answers_without_tags_in_training(settings: dict[str, Any], rule: str) -> None:
    chosen = build(TrainSettings, settings)
    for env_settings in (chosen.train_env(), chosen.eval_env()):
        assert VisionThinkEnv(**env_settings).factory.config.untagged_answer == rule


def test_settings_reach_the_environment() -> None:
    chosen = build(
        TrainSettings,
        {
            "rewards.preset": "accuracy_only",
            "rewards.price": 0.2,
            "env.tools": ["resize", "crop"],
            "env.max_turns": 4,
            "env.resolutions": [0.25, 0.5, 1],
            "world.suite": "ocr",
            "world.seed": 5,
            "evaluation.split": "generalisation",
        },
    )
    env = VisionThinkEnv(**chosen.train_env())
    rewards, rules = env.factory.rewards, env.factory.config
    assert (rewards.price, rewards.format, rewards.accuracy) == (0.2, 0.0, 1.0)
    assert (rules.tools, rules.max_turns) == (("resize", "crop"), 4)
    assert rules.resolutions == (0.25, 0.5, 1)
    world: Any = env.dataset
    assert (world.split, world.suite, world.seed) == ("train", "ocr", 5)
    held_out: Any = VisionThinkEnv(**chosen.eval_env()).dataset
    assert (held_out.split, held_out.suite, held_out.seed) == ("generalisation", "ocr", 5)


def test_evaluations_may_have_a_judge_of_their_own() -> None:
    noisy = {"judge.name": "flipped", "judge.params": {"rate": 0.2}}
    alike = build(TrainSettings, noisy)
    envs = (alike.train_env(), alike.eval_env(), alike.validation_env())
    assert [env and env["judge"] for env in envs] == [{"name": "flipped", "rate": 0.2}] * 3
    apart = build(
        TrainSettings,
        noisy,
        {"evaluation.judge": "rule", "evaluation.judge_params": {"anls_threshold": 0.9}},
    )
    rule = {"name": "rule", "anls_threshold": 0.9}
    assert apart.train_env()["judge"] == {"name": "flipped", "rate": 0.2}
    for env in (apart.eval_env(), apart.validation_env()):
        assert env is not None and env["judge"] == rule
        assert VisionThinkEnv(**env).judge.name == "rule"
    assert VisionThinkEnv(**apart.train_env()).judge.name == "flipped(rule)"


def test_settings_of_a_judge_of_evaluations_need_that_judge() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.judge_params are of evaluation\.judge"):
        build(TrainSettings, {"evaluation.judge_params": {"rate": 0.1}})


@pytest.mark.parametrize(
    "given",
    [
        {"judge.params": {"api_key": "k"}},
        {"judge.params": {"judge": "llm", "params": {"model": "m", "api_key": "k"}}},
        {"judge.params": {"judge": "llm", "params": '{"api_key": "k"}'}},
        {"judge.params": {"judges": ["rule", {"name": "llm", "api_key": "k"}]}},
        {"evaluation.judge": "llm", "evaluation.judge_params": {"api_key": "k"}},
    ],
    ids=str,
)
def test_no_key_is_among_the_settings_of_any_judge(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        build(TrainSettings, given)
    build(TrainSettings, {"judge.params": {"cache": "the api_key.sqlite"}})


def test_a_dataset_and_the_environment_may_have_settings_of_one_name() -> None:
    given = {"data.name": "a_module:dataset", "data.params": {"prompt": "mine"}}
    for env in (
        build(TrainSettings, given).train_env(),
        build(EvalSettings, given).env_settings(),
    ):
        assert env["data"].settings == {"prompt": "mine"}
        assert "prompt" not in env


def test_labels_hang_on_the_environment_that_made_them() -> None:
    ours, other = (build(LabelSettings, given) for given in ({}, {"env.id": "my/Other-v0"}))
    assert ours.recorded(ours.known()) != other.recorded(other.known())
