"""A measurement says what its own limits did: by hand, and through the real commands."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.evaluation.limits import KINDS, counts_of, limit_lines, limits_record, shares_of
from benchmarks.evaluation.play import PlaySettings
from tests.agents.helpers import trajectory
from tests.benchmarks.runner import invoke
from vt_env.checkpoints import PlayDefaults, read_checkpoint, write_defaults
from vt_env.config import EpisodeRules
from vt_env.episode import Ending
from vt_env.errors import ConfigError
from vt_env.rewards import Outcome
from vt_env.settings.tree import build

USED = PlayDefaults("brief", 16, 1024)
ASKED = Outcome(correct=True, requested=True, well_formed=False, needs_high_res=None)
TINY = ["--backend", "transformers"]
LONG = {"engine.max_model_len": 99}


def played(model: Path, **settings: Any) -> PlaySettings:
    return build(PlaySettings, {"engine.model_dir": str(model), **settings})


def test_shares_and_lines_by_hand() -> None:
    episodes = [trajectory() for _ in range(94)]
    episodes += [trajectory(ending=Ending.CUT_OFF)] * 6
    assert shares_of(episodes) == {**dict.fromkeys(KINDS, 0.0), "cut_off": 0.06}
    (line,) = limit_lines({"policy": shares_of(episodes)}, USED)
    assert line.startswith("LIMITS: 6.0% (policy) of episodes were cut off")
    assert "--engine.max_new_tokens (now 16)" in line
    assert limit_lines({"policy": shares_of(episodes[1:-1])}, USED) != []  # 5 of 98
    assert limit_lines({"policy": shares_of([trajectory(), *episodes[:-1]])}, USED) == []  # 5%


def test_every_kind_is_told_with_its_setting() -> None:
    none = ("no_higher_resolution",)
    wrong = [
        trajectory(ending=Ending.CUT_OFF),
        trajectory(ending=Ending.CONTEXT_LIMIT),
        trajectory(ending=Ending.MALFORMED),
        trajectory(problems=none, refused=True),
    ]
    lines = limit_lines({"policy": shares_of(wrong), "rest": shares_of([trajectory()])}, USED)
    settings = (
        "--engine.max_new_tokens",
        "--engine.max_model_len (now 1024)",
        "--env.prompt",
        "--env.bounds full_view",
    )
    assert [said in line for line, said in zip(lines, settings, strict=True)] == [True] * 4
    assert all("25.0% (policy) of" in line for line in lines)
    (drifted,) = limit_lines({"trained, always_low": shares_of([wrong[2]])}, USED)
    assert drifted.endswith("raise --grpo.beta.")
    assert "--grpo.beta" not in lines[2]
    asked_again = trajectory(problems=none, outcome=ASKED, ending=Ending.TURN_LIMIT)
    assert counts_of([asked_again])["refused"] == 0
    assert counts_of([trajectory(ending=Ending.MALFORMED, problems=none, refused=True)]) == {
        "cut_off": 0,
        "context_limit": 0,
        "malformed": 1,
        "refused": 1,
    }
    record = limits_record({"policy": shares_of(wrong)}, USED)
    assert record["warnings"] == limit_lines({"policy": shares_of(wrong)}, USED)
    assert record["shares"]["policy"] == dict.fromkeys(KINDS, 0.25)


def run(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


def pictures(folder: Path, side: int) -> str:
    Image.new("RGB", (side, side), "red").save(folder / "a.png")
    row = {"image": "a.png", "question": "Which color?", "answer": "red"}
    data = folder / "data.jsonl"
    data.write_text((json.dumps(row) + "\n") * 3)
    return str(data)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (["--engine.max_new_tokens", "1"], "cut_off", "raise --engine.max_new_tokens (now 1)"),
        (
            ["--engine.max_model_len", "40"],
            "context_limit",
            "raise --engine.max_model_len (now 40)",
        ),
        ([], None, ""),
    ],
)
def test_eval_says_what_its_limits_did(
    options: list[str], kind: str | None, said: str, tmp_path: Path
) -> None:
    output = run("eval", *TINY, "--samples", "4", *options, "--out", str(tmp_path))
    limits = json.loads((tmp_path / "summary.json").read_text())["limits"]
    if kind is None:
        assert limits["warnings"] == []
        assert "LIMITS" not in output
    else:
        assert limits["shares"]["policy"][kind] == 1.0
        (line,) = limits["warnings"]
        assert said in line
        assert line in output


def test_eval_says_that_images_could_not_be_shown(tmp_path: Path) -> None:
    data = pictures(tmp_path, 40)
    out = tmp_path / "out"
    ask = ["--decision", "request"]
    with pytest.warns(UserWarning, match="0 of the first 3 samples"):
        output = run("eval", *TINY, "--data", data, *ask, "--out", str(out))
    limits = json.loads((out / "summary.json").read_text())["limits"]
    assert limits["shares"]["policy"]["refused"] == 1.0
    assert any("could not be shown (refused)" in line for line in limits["warnings"])
    assert all(line in output for line in limits["warnings"])


def test_eval_takes_bounds_and_canvas(tmp_path: Path) -> None:
    data = pictures(tmp_path, 300)
    bounds = ["--env.min_pixels", "40000", "--env.bounds"]
    for name, tokens in (("each_view", 64), ("full_view", 16)):
        out = tmp_path / name
        forced = ["--decision", "answer", "--out", str(out)]
        if name == "each_view":
            with pytest.warns(UserWarning, match="0 of the first 3"):
                run("eval", *TINY, "--data", data, *bounds, name, *forced)
        else:
            run("eval", *TINY, "--data", data, *bounds, name, *forced)
        first = json.loads((out / "episodes.jsonl").read_text().splitlines()[0])
        assert first["visual_tokens"] == tokens
    done = invoke("eval", *TINY, "--data", data, "--canvas", "112")
    assert "canvas is a setting of the embedded world" in str(done.exception)
    out = tmp_path / "world"
    run("eval", *TINY, "--samples", "1", "--canvas", "112", "--out", str(out))
    assert json.loads((out / "episodes.jsonl").read_text())["full_tokens"] == 16


def test_quality_says_what_its_limits_did(tmp_path: Path) -> None:
    out = tmp_path / "quality.json"
    output = run(
        "quality", *TINY, "--samples", "2", "--engine.max_new_tokens", "1", "--out", str(out)
    )
    record = json.loads(out.read_text())
    assert record["limits"]["shares"]["own"]["cut_off"] == 1.0
    (line,) = record["limits"]["warnings"]
    assert "100.0% (high), 100.0% (low), 100.0% (own) of episodes" in line
    assert line in output
    assert record["settings"]["engine"]["max_new_tokens"] == 1
    assert record["settings"]["env"]["prompt"] == "brief"


def test_label_says_what_its_limits_did_when_it_goes_on_too(tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    label = ["data", "label", *TINY, "--rule.rollouts", "2", "--batch", "2", "--out", str(out)]
    short = [*label, "--engine.max_new_tokens", "1", "--samples"]
    for samples in ("1", "2", "2"):
        output = run(*short, samples)
        assert "LIMITS: 100.0% (rollouts) of episodes were cut off" in output
    rows: list[dict[str, Any]] = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["limits"]["cut_off"] for row in rows] == [4, 4]
    assert rows[0]["settings"]["max_new_tokens"] == 1


def test_train_says_what_its_limits_did_and_the_model_keeps_its_settings(tmp_path: Path) -> None:
    size = ["--iterations", "1", "--grpo.num_prompts", "2", "--grpo.num_generations", "2"]
    limit = [
        "--engine.max_new_tokens",
        "1",
        "--env.max_pixels",
        "40000",
        "--env.bounds",
        "full_view",
    ]
    where = ["--eval-samples", "2", "--run.threads", "1", "--out", str(tmp_path), "--run-id", "a"]
    output = run("train", *TINY, *size, *limit, *where)
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    limits = summary["limits"]
    assert limits["shares"]["trained"]["cut_off"] == 1.0
    assert limits["shares"]["rollouts in training"]["cut_off"] == 1.0
    (line,) = limits["warnings"]
    assert line in output
    assert output.index("LIMITS: 100.0% (untrained)") < output.index(line)
    used = PlayDefaults("brief", 1, 1024, None, 40000, "full_view")
    assert read_checkpoint(tmp_path / "a" / "model").defaults == used
    saved = json.loads((tmp_path / "a" / "settings.json").read_text())
    assert (saved["env"]["prompt"], saved["engine"]["max_model_len"]) == ("brief", 1024)
    output = run("eval", *TINY, "--model", str(tmp_path / "a" / "model"), "--samples", "1")
    assert "raise --engine.max_new_tokens (now 1)" in output


def foreign(tmp_path: Path, checkpoint: Path) -> Path:
    """The tiny model as anyone's: without a word on how it is played."""
    path = tmp_path / "foreign"
    shutil.copytree(checkpoint, path, ignore=shutil.ignore_patterns("visionthink.json"))
    return path


def test_another_checkpoint_is_played_by_the_limits_of_its_kind(
    tmp_path: Path, checkpoint: Path
) -> None:
    model = foreign(tmp_path, checkpoint)
    assert played(model).known() == PlayDefaults("agent", 1024, 4096)
    assert played(checkpoint).known() == USED
    out = tmp_path / "quality.json"
    settings = ["--samples", "1", "--engine.max_new_tokens", "3", "--out", str(out)]
    run("quality", *TINY, "--model", str(model), *settings)
    record = json.loads(out.read_text())["settings"]
    assert record["env"]["prompt"] == "agent"
    assert record["engine"]["max_new_tokens"] == 3
    assert record["engine"]["max_model_len"] == 4096


def test_what_is_set_wins_over_the_checkpoint_and_must_fit(
    tmp_path: Path, checkpoint: Path
) -> None:
    given = played(checkpoint, **{"env.prompt": "think", "env.max_pixels": 40000}, **LONG)
    assert given.known() == PlayDefaults("think", 16, 99, None, 40000)
    assert given.model_env() == {
        "checkpoint": str(checkpoint),
        "prompt": "think",
        "max_pixels": 40000,
        **vars(EpisodeRules()),
    }
    for tokens in (1024, 5000):
        with pytest.raises(ConfigError, match="less than max_model_len"):
            played(checkpoint, **{"engine.max_new_tokens": tokens}).known()
    model = foreign(tmp_path, checkpoint)
    write_defaults(model, PlayDefaults("simple", 20, 2000))
    assert played(model).known() == PlayDefaults("simple", 20, 2000)
