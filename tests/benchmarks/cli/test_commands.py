"""Commands made of trees: every field can be set from the command, from a file, and by `make`."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.commands import OPTIONS, SHORT, TREES, capitals, option_names, spell_out
from benchmarks.cli.main import app, main
from benchmarks.cli.reference import reference
from tests.benchmarks.runner import invoke
from vt_env.settings.fields import Kind
from vt_env.settings.tree import Leaf, build, flatten, leaves, nest, read_file

ROOT = Path(__file__).parents[3]
NAMED = {
    "split": "validation", "suite": "ocr", "families": ["maps"], "tools": ["crop"],
    "resolutions": [0.25, 1.0], "canvas": 224, "backend": "transformers", "epsilon": 0.25,
    "rollouts": 12, "low_correct": 7, "gap": 7, "shards": 4, "pages_beside": 16,
    "plugins": ["json", "textwrap"], "loss_type": "grpo",
    "freeze": ["vision"], "drop_responses": ["empty"],
    "decision_terms": ["accuracy"], "vllm_importance_sampling_clip_min": 0.5,
    "compare": ["random", "oracle"], "until": "regret=0.5", "export": ["wandb", "trackio"],
}  # fmt: skip
"""Other values of those settings whose type alone does not say which ones can be."""
APPLY = {"data": {"data.name": "a.jsonl"}, "rule": {"rule.rollouts": 12},
         "run.until": {"evaluation.every": 5},
         "evaluation.judge_params": {"evaluation.judge": "rule"}}  # fmt: skip
"""What else has to be set for a group, or a setting, to apply."""
NEEDED = {
    "data export": ["--out", "o"],
    "data label": ["--out", "o"],
    "judge audit": ["a.jsonl"],
}
"""Words that a command cannot do without."""
LEAVES = [(words, leaf) for words, tree in TREES.items() for leaf in leaves(tree)]


def another(leaf: Leaf) -> Any:
    """A value of a setting that is not its default."""
    name, kind, default = leaf.path.rpartition(".")[2], leaf.kind, leaf.default
    if name in NAMED:
        return NAMED[name]
    if kind.base is bool:
        return not default
    if kind.base in (int, float):
        return number(kind, default)
    if kind.base is dict:
        return {
            "literal": {"first": 0.5, "second": 3},
            "text": {"first": "3"},
            "tables": {"first": {"weight": 0.5, "many": True}, "my.terms:second": {"weight": 3}},
        }[kind.words]
    return next((choice for choice in kind.names if choice != default), "other")


def number(kind: Kind, default: Any) -> float:
    low, high = kind.numbers.low, kind.numbers.high
    tries: list[float] = [16, 2, 0.5, 0.75, low + 1]
    if high is not None:
        tries += [(low + high) / 2, low + (high - low) / 4]
    return next(t for t in tries if kind.numbers.holds(t) and t != default)


def words_for(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict):
                yield from words_for(f"{path}.{key}", item)
            else:
                yield from (f"--{path}.{key}", json.dumps(item).strip('"'))
    elif isinstance(value, bool):
        yield f"--{path}={str(value).lower()}"
    else:
        yield from (
            f"--{path}",
            ",".join(map(str, value)) if isinstance(value, list) else str(value),
        )


def printed(command: str, *words: str) -> dict[str, Any]:
    """What --print-settings says, by path."""
    done = invoke(*command.split(), *NEEDED.get(command, ()), *words, "--print-settings")
    assert done.exit_code == 0, done.exception
    found: dict[str, Any] = json.loads(done.output)
    return found


def paths(tables: dict[str, Any], command: str) -> dict[str, Any]:
    """Tables in tables by path."""
    found = {}
    for leaf in leaves(TREES[command]):
        value: Any = tables
        for part in leaf.path.split("."):
            value = value[part]
        found[leaf.path] = value
    return found


@pytest.mark.parametrize(
    ("command", "leaf"), LEAVES, ids=[f"{words} {leaf.path}" for words, leaf in LEAVES]
)
def test_every_field_is_set_from_the_command_and_from_a_file(
    command: str, leaf: Leaf, tmp_path: Path
) -> None:
    value, group = another(leaf), leaf.path.partition(".")[0]
    assert value != leaf.default
    beside = (
        {} if leaf.path == "data.name" else {**APPLY.get(group, {}), **APPLY.get(leaf.path, {})}
    )
    beside |= {leaf.path: value}
    words = [word for path, other in beside.items() for word in words_for(path, other)]
    place = beside.pop("data.name", "world") if command == "data check" else None
    if place is not None:
        words = [place, *words_for(leaf.path, value)] if leaf.path != "data.name" else [place]
        beside = {**beside, "data.name": place}
    said = paths(printed(command, *words), command)
    assert said == {**flatten(TREES[command]()), **beside}
    file = tmp_path / "run.toml"
    file.write_text(to_toml(beside))
    assert flatten(build(TREES[command], read_file(file))) == said


@pytest.mark.parametrize("command", TREES)
def test_every_command_takes_a_file(command: str, tmp_path: Path) -> None:
    tree = TREES[command]
    changed = {
        leaf.path: another(leaf)
        for leaf in leaves(tree)
        if not leaf.path.startswith("data.") and leaf.path != "rule.rollouts"
    }
    file = tmp_path / "run.json"
    file.write_text(json.dumps(nest(changed)))
    place = ["world"] if command == "data check" else []
    said = paths(printed(command, *place, "--config", str(file)), command)
    assert {path: said[path] for path in changed} == changed


def to_toml(values: dict[str, Any]) -> str:
    lines = []
    for path, value in values.items():
        pairs = value.items() if isinstance(value, dict) else [(None, value)]
        for key, item in pairs:
            entries = item.items() if isinstance(item, dict) else [(None, item)]
            for inner, word in entries:
                names = [json.dumps(name) for name in (key, inner) if name]
                lines.append(f"{'.'.join((path, *names))} = {json.dumps(word)}")
    return "\n".join(lines) + "\n"


def test_every_setting_says_what_it_is_for() -> None:
    for words, leaf in LEAVES:
        assert len(leaf.help) > 8 and leaf.help.endswith((".", ".)")), (words, leaf.path)
        assert not leaf.kind.optional or "None:" in leaf.help, (words, leaf.path)


def test_the_issues_own_line() -> None:
    said = printed("train", "--env.max_turns", "3", "--rewards.price", "0.2")
    assert (said["env"]["max_turns"], said["rewards"]["price"]) == (3, 0.2)


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        "[grpo]\nlr = 1e-4\nshaper = 'paper'\n[grpo.shaper_params]\ntheta = 0.3\npenalty = 1\n"
        "[judge]\nname = 'llm'\n[judge.params]\nmodel = 'm'\n"
    )
    words = ["--lr", "2e-4", "--grpo.shaper_params.theta", "0.4", "--judge.params.max_tries", "2"]
    said = printed("train", "--config", str(file), *words)
    assert said["grpo"]["lr"] == 2e-4
    assert said["grpo"]["shaper"] == "paper"
    assert said["grpo"]["shaper_params"] == {"theta": 0.4, "penalty": 1}
    assert said["judge"] == {"name": "llm", "params": {"model": "m", "max_tries": "2"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[env]\nmax_turn = 3\n",
            "There is no setting 'env.max_turn'. Did you mean 'env.max_turns'",
        ),
        ("[env]\nmax_turns = '3'\n", "env.max_turns must be at least 1 and be a whole number, got"),
        ("env = 3\n", "env is a group of settings"),
        ("[env\n", "cannot be read as settings"),
    ],
)
def test_a_file_that_cannot_be_is_named(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--config", str(file), "--out", str(tmp_path / "runs")])
    assert stopped.value.code == 2
    said = capsys.readouterr().out
    assert f"{file}: " in said and message in said
    assert not (tmp_path / "runs").exists()


def test_names_in_capitals_are_of_one_setting_each() -> None:
    for words, tree in TREES.items():
        known = leaves(tree)
        names = [n for leaf in known for n in {leaf.path, SHORT.get(leaf.path, leaf.path)}]
        assert len(capitals(known)) == len(names)
        own = {name.upper() for name in OPTIONS[words]}
        assert not own & capitals(known).keys(), words
        shorts = [name for leaf in known for name in option_names(leaf.path)[1:]]
        assert len(set(shorts)) == len(shorts)
        assert not {name.removeprefix("--") for name in shorts} & {leaf.path for leaf in known}


def test_settings_in_capitals() -> None:
    said = printed("train", "SEED=1", "LR=1e-4", "REWARDS_PRICE=0.2", "GRPO_SHAPER_PARAMS_THETA=.3")
    assert (said["run"]["seed"], said["grpo"]["lr"], said["rewards"]["price"]) == (1, 1e-4, 0.2)
    assert said["grpo"]["shaper_params"] == {"theta": 0.3}
    assert spell_out(["train", "RUN_ID=a", "--x"]) == ["train", "--run_id=a", "--x"]
    assert spell_out(["judge", "serve", "A=1"]) == ["judge", "serve", "A=1"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_hands_settings_on() -> None:
    given = ["SEED=1", "LR=1e-4", "DATA=my file.jsonl", "ARGS=--print-settings"]
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", "train", *given],
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = done.stdout.strip().splitlines()[-1]
    assert "visionthink train" in line
    for word in ("'SEED=1'", "'LR=1e-4'", "'DATA=my file.jsonl'", "--print-settings"):
        assert word in line
    assert "EXTRA" not in line and "VENV" not in line


def test_completion_knows_every_option() -> None:
    script = app.generate_completion(prog_name="visionthink", shell="bash")
    for leaf in leaves(TREES["train"]):
        if leaf.kind.base is not dict:
            assert f"--{leaf.path}" in script, leaf.path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert not stopped.value.code
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_the_page_of_settings_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == reference(), "make docs"
    for words, leaf in LEAVES:
        assert f"`{leaf.path}`" in page, words
