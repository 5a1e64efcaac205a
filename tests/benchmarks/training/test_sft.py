"""Supervised fine-tuning as a run: what it learns, its files, its resume, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.errors import TrainingError
from benchmarks.training.method import Method
from benchmarks.training.run import resume, train, without_times
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import SFTSettings, TrainSettings
from benchmarks.training.sft import BY_SFT, DEMONSTRATIONS, chosen_episodes, prompts_played
from tests.agents.helpers import read_weights, trajectory
from vt_env.errors import ConfigError, DataError
from vt_env.rewards import Outcome
from vt_env.settings.tree import build

SHORT: dict[str, Any] = {
    "engine.backend": "transformers",
    "run.iterations": 4,
    "run.checkpoint_every": 2,
    "run.keep_checkpoints": 2,
    "run.threads": 1,
    "sft.batch_size": 4,
    "sft.epochs": 2,
    "evaluation.samples": 4,
}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A short fine-tuning."""
    root = tmp_path_factory.mktemp("sft")
    return train(build(SFTSettings, SHORT), root, "unbroken", method=BY_SFT)


def records(folder: RunFolder) -> list[dict[str, Any]]:
    lines = (folder.path / DEMONSTRATIONS).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_leaves_the_files_of_one_by_rl(unbroken: RunFolder) -> None:
    summary = json.loads((unbroken.path / "summary.json").read_text())
    baselines = {"always_low", "always_high", "oracle", "start_oracle", "untrained", "vanilla"}
    assert set(summary["baselines"]) == baselines
    assert summary["iterations"] == 4
    assert summary["regret_to_start_oracle"] is not None
    for name in ("settings.json", "provenance.json", "episodes.jsonl", "training.png"):
        assert (unbroken.path / name).is_file()
    assert SFTSettings.load(unbroken.path / "settings.json").sft.batch_size == 4
    before = read_weights(Path(build(SFTSettings, SHORT).engine.model_dir))
    after = read_weights(unbroken.path / "model")
    assert any(not np.array_equal(before[name], after[name]) for name in before)


def test_the_prompts_of_rl_are_learned_by_need(unbroken: RunFolder) -> None:
    """Two epochs of 4 steps of 4 episodes: the first eight prompts of the seed."""
    found = records(unbroken)
    assert 0 < len(found) <= prompts_played(build(SFTSettings, SHORT)) == 8
    assert all(record["correct"] and record["well_formed"] for record in found)
    assert all(r["needs_high_res"] in (r["requested"], None) for r in found)
    rows = unbroken.metrics()
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["demonstrations/epochs"] == pytest.approx(16 / len(found))
    assert {"loss", "grad_norm", "lr", "seconds", "timing/iteration"} <= rows[0].keys()


def test_a_killed_run_goes_on_as_if_it_was_not(unbroken: RunFolder, tmp_path: Path) -> None:
    killed = RunFolder(tmp_path / "killed")
    shutil.copytree(unbroken.path, killed.path)
    for name in ("summary.json", "model", "training.png"):
        path = killed.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(killed.checkpoint(4))
    resume(killed.path, method=BY_SFT)
    first, second = read_weights(unbroken.path / "model"), read_weights(killed.path / "model")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    mine, other = ([without_times(row) for row in run.metrics()] for run in (unbroken, killed))
    assert mine == other


def test_another_methods_run_is_not_gone_on_with(unbroken: RunFolder) -> None:
    with pytest.raises(ConfigError, match="sft"):
        resume(unbroken.path)
    with pytest.raises(ConfigError, match="is complete"):
        resume(unbroken.path, method=BY_SFT)


def test_records_of_a_file_are_learned(unbroken: RunFolder, tmp_path: Path) -> None:
    file = unbroken.path / DEMONSTRATIONS
    changes = {"sft.records": str(file), "run.iterations": 1, "evaluation.every": 1}
    more = {"evaluation.slice": 2, "sft.epochs": 1}
    settings = build(SFTSettings, SHORT, changes | more)
    folder = train(settings, tmp_path, "again", method=BY_SFT)
    assert not (folder.path / DEMONSTRATIONS).exists()
    (row,) = folder.metrics()
    assert row["demonstrations/number"] == len(records(unbroken))
    assert "eval/accuracy" in row
    assert folder.best() is not None


def test_records_that_do_not_fit_are_told_before_the_engine(
    unbroken: RunFolder, tmp_path: Path
) -> None:
    file = tmp_path / "records.jsonl"
    record = records(unbroken)[0]

    def start(**changes: Any) -> None:
        file.write_text(json.dumps(record | changes) + "\n")
        settings = build(SFTSettings, SHORT, {"sft.records": str(file)})
        train(settings, tmp_path, "refused", method=BY_SFT)

    with pytest.raises(DataError, match="no sample 'other'"):
        start(sample_id="other")
    with pytest.raises(TrainingError, match="do not end with an answer"):
        start(turns=[{"action": "what?"}])
    with pytest.raises(TrainingError, match="nothing to learn from"):
        start(correct=False)
    assert not (tmp_path / "refused").exists()


def test_one_process_is_all_there_is(tmp_path: Path) -> None:
    for name in ("run.num_env_runners", "run.num_learners"):
        with pytest.raises(ConfigError, match=rf"{name} must be 0"):
            train(build(SFTSettings, SHORT, {name: 2}), tmp_path, "refused", method=BY_SFT)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="sft"):
        build(TrainSettings, {"sft.lr": 1e-3})


def test_what_is_chosen() -> None:
    def episode(name: str, asked: bool, right: bool, need: bool | None, paid: float) -> Any:
        return trajectory(
            sample_id=name,
            outcome=Outcome(right, asked, True, need),
            reward_terms={"accuracy": float(right), "token_cost": -paid},
        )

    low = [episode("a", False, False, True, 0.025), episode("b", False, True, False, 0.025)]
    low += [episode("c", False, True, True, 0.025), episode("d", False, False, False, 0.025)]
    high = [episode(t.sample_id, True, True, t.outcome.needs_high_res, 0.125) for t in low]

    def chosen(targets: str) -> list[tuple[str, bool]]:
        return [(t.sample_id, t.outcome.requested) for t in chosen_episodes(low, high, targets)]

    assert chosen("oracle") == [("a", True), ("b", False), ("c", True)]
    assert chosen("best") == [("a", True), ("b", False), ("c", False), ("d", True)]


def test_the_plan_tells_what_is_played() -> None:
    assert isinstance(BY_SFT, Method)
    stages = [stage.name for stage in BY_SFT.plan(SFTSettings(), 0)]
    assert stages == ["check", "engine", "demonstrations", "untrained", "training", "trained"]
    given = build(SFTSettings, {"sft.records": "a.jsonl", "engine.model_dir": "other"})
    found = BY_SFT.plan(given, 10)
    assert "demonstrations" not in [stage.name for stage in found]
    assert {stage.seconds for stage in found} == {None}
    assert "40 iterations of 24 episodes" in [stage.about for stage in found]
