"""What is told elsewhere: settings that differ, and no secrets."""

from pathlib import Path

import pytest

from benchmarks import TrainSettings
from benchmarks.exporters.told import (
    HIDDEN,
    differing,
    told_command,
    told_error,
    told_provenance,
    told_settings,
)
from vt_env.settings.tree import build

BRIEF = {"engine.backend": "transformers"}


def test_settings_that_differ_and_the_seed() -> None:
    assert differing(build(TrainSettings, {})) == {"run.seed": 0}
    changed = {
        **BRIEF, "run.seed": 3, "rewards.price": 0.2, "grpo.shaper": "paper",
        "grpo.shaper_params": {"theta": 0.3}, "env.tools": ["resize", "crop"],
        "run.stop_on_collapse": True, "run.export": ["wandb"], "engine.max_new_tokens": 8,
    }  # fmt: skip
    assert differing(build(TrainSettings, changed)) == {
        "engine.backend": "transformers", "engine.max_new_tokens": 8, "env.tools": "resize,crop",
        "rewards.price": 0.2, "grpo.shaper": "paper", "grpo.shaper_params.theta": 0.3,
        "run.seed": 3, "run.stop_on_collapse": True,
    }  # fmt: skip


def test_what_a_checkpoint_answers_is_no_difference() -> None:
    resolved = build(TrainSettings, {}).resolved()
    assert resolved.engine.max_new_tokens is not None
    assert differing(resolved) == {"run.seed": 0}


def test_secrets_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "engine.backend_config": {"hf_token": "hf_abc", "max_tokens": 3},
        "judge.params": {"base_url": "https://me:word@judge.example/v1", "model": "m"},
    }
    told = told_settings(build(TrainSettings, given))
    assert told["engine.backend_config.hf_token"] == HIDDEN
    assert told["engine.backend_config.max_tokens"] == 3
    assert told["judge.params.base_url"] == "https://judge.example/v1"
    assert told["engine.max_new_tokens"] == "none"
    assert told["run.iterations"] == 50
    words = ["visionthink", "train", "--data.params.api_key", "abc", "--a.token=abc", "A_TOKEN=abc",
             "--engine.max_new_tokens", "8", "http://me:abc@here/"]  # fmt: skip
    assert told_command(words) == [
        "visionthink", "train", "--data.params.api_key", HIDDEN, f"--a.token={HIDDEN}",
        f"A_TOKEN={HIDDEN}", "--engine.max_new_tokens", "8", "http://here/",
    ]  # fmt: skip
    assert told_provenance({"commit": "1", "command": ["--key", "k"]}) == {
        "commit": "1", "command": ["--key", HIDDEN],
    }  # fmt: skip
    monkeypatch.setenv("SOME_SECRET", "a-long-secret")
    error = OSError("a-long-secret\n" + "x" * 1000)
    assert told_error(error).startswith(f"OSError: {HIDDEN} xxx")
    assert len(told_error(error)) == 300


def test_all_settings_are_plain(tmp_path: Path) -> None:
    told = told_settings(build(TrainSettings, {"data.name": "a.jsonl", "data.root": tmp_path}))
    assert {type(value) for value in told.values()} <= {str, int, float, bool}
    assert told["data.root"] == str(tmp_path)
