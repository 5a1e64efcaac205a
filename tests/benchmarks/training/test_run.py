"""A training in this process, with the real learner: what it opens, and how often."""

import inspect
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.training.run import check_data, later_settings, train, without_times
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from judges import JUDGES, JudgeError, RuleJudge
from tests.benchmarks.exporters.made import HERE, Kept
from vt_env import ConfigError
from vt_env.data.jsonl import JsonlDataset
from vt_env.data.opened import OpenedDataset
from vt_env.settings.tree import build
from vt_env.tasks import World
from vt_env.tasks.world import WorldSettings


def write_data(folder: Path, name: str) -> Path:
    """Rows about small pictures."""
    path = folder / name
    lines = []
    for number in range(3):
        image = folder / f"{name}-{number}.png"
        Image.linear_gradient("L").resize((168, 168)).rotate(90 * number).save(image)
        row = {"id": f"{name}-{number}", "image": image.name, "question": "Q?", "answer": "red"}
        lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files of rows that are opened, each time that one is."""
    found: list[str] = []
    load = JsonlDataset.load

    def counted(path: Path, **settings: Any) -> JsonlDataset:
        found.append(Path(path).name)
        return load(path, **settings)

    counted.__signature__ = inspect.signature(load)  # type: ignore[attr-defined]
    monkeypatch.setattr(JsonlDataset, "load", counted)
    return found


def settings(data: Path, **changes: Any) -> TrainSettings:
    given: dict[str, Any] = {
        "data.name": str(data),
        "engine.backend": "transformers",
        "run.iterations": 2,
        "grpo.num_prompts": 2,
        "grpo.num_generations": 2,
        "evaluation.samples": 2,
        "run.threads": 1,
    }
    return build(TrainSettings, given, changes)


def check_times(rows: list[dict[str, float]]) -> None:
    """The parts of each iteration are there and no longer than the whole, of that one alone."""
    learner = ("packing", "forward", "reference", "backward", "gradients", "step")
    named = {f"timing/{name}" for name in ("iteration", "rollout", "learner", "sync")}
    named |= {"timing/generate", "timing/judge_wait", *(f"timing/learner/{n}" for n in learner)}
    for row in rows:
        assert {name for name in row if name.startswith("timing/")} == named
        assert not named & without_times(row).keys()
        assert without_times(row).keys() >= {"reward", "loss"}
        rollout, whole = row["timing/rollout"], row["timing/learner"]
        assert row["timing/generate"] + row["timing/judge_wait"] <= rollout + 0.001
        assert sum(row[f"timing/learner/{name}"] for name in learner) <= whole + 0.001
        assert rollout + whole + row["timing/sync"] <= row["timing/iteration"] + 0.001
    spent = sum(row["timing/iteration"] for row in rows)
    assert 0 < spent <= rows[-1]["seconds"] + 0.01


def check_rollouts(run: Path) -> None:
    """A group of each iteration is kept, and how the model before RL fares on each sample."""
    rows = [json.loads(line) for line in (run / "rollouts.jsonl").read_text().splitlines()]
    assert [(r["iteration"], r["group"], r["member"]) for r in rows] == [
        (1, 0, 0), (1, 0, 1), (2, 0, 0), (2, 0, 1),
    ]  # fmt: skip
    for row in rows:
        assert row["sample_id"] == row["record"]["sample_id"] == f"one.jsonl-{row['index']}"
        tokens = row["tokens"]
        written = [t for t, kept in zip(tokens["text"], tokens["loss_mask"], strict=True) if kept]
        turns = [turn["action"] for turn in row["record"]["turns"]]
        assert "".join(written).replace("<|im_end|>", "") == "".join(turns)
        assert tokens["image_tokens"].count(0) == len(tokens["text"]) - len(turns)
    starts = [json.loads(line) for line in (run / "starts.jsonl").read_text().splitlines()]
    assert [row["sample_id"] for row in starts] == ["two.jsonl-0", "two.jsonl-1"]
    assert {row["oracle"] for row in starts} <= {"answer", "request"}


def check_told(folder: RunFolder) -> None:
    """An exporter heard all of it; the final figures are on TensorBoard."""
    summary = json.loads((folder.path / "summary.json").read_text())
    begun, *told, shown, end = Kept.told
    assert (begun, shown) == (("begin", "a"), ("show", (2, 2)))
    assert [{"iteration": n, **row} for _, (n, row) in told] == folder.metrics()
    assert {name: end[1][name] for name in summary} == summary
    board = EventAccumulator(str(folder.path / "tensorboard"))
    board.Reload()
    tags = board.Tags()["scalars"]
    for name, figures in {"Final/policy": summary, **{
        f"baselines/{name}": figures for name, figures in summary["baselines"].items()
    }}.items():  # fmt: skip
        (found,) = board.Scalars(f"{name}/accuracy")
        assert (found.step, found.value) == (2, pytest.approx(figures["accuracy"]))
    assert "reward" in tags and "Final/policy_temperature_1/accuracy" in tags
    assert "_hparams_/session_start_info" in board.summary_metadata


def test_a_training_opens_its_data_once(tmp_path: Path, opens: list[str]) -> None:
    one, other = write_data(tmp_path, "one.jsonl"), write_data(tmp_path, "two.jsonl")
    given = {"evaluation.data": str(other), "run.export": [f"{HERE}:Kept"]}
    Kept.told.clear()  # whatever ran in this process before
    folder = train(settings(one, **given), tmp_path / "runs", "a")
    check_told(folder)
    assert sorted(opens) == ["one.jsonl", "two.jsonl"]
    assert len(folder.metrics()) == 2
    check_times(folder.metrics())
    check_rollouts(folder.path)
    pickled = list(folder.checkpoints.rglob("*.pkl"))
    assert pickled
    assert not any(b"one.jsonl-0" in file.read_bytes() for file in pickled)


def test_a_run_goes_on_with_its_own_settings() -> None:
    own = build(TrainSettings, {"grpo.lr": 1e-4, "run.iterations": 5})
    assert later_settings(own, {}) == own
    more = later_settings(own, {"run.iterations": 9, "grpo.lr": 1e-4, "run.export": ["wandb"]})
    assert (more.run.iterations, more.run.export) == (9, ("wandb",))
    with pytest.raises(ConfigError, match=r"grpo\.lr \(it has 0\.0001\)"):
        later_settings(own, {"grpo.lr": 2e-4, "run.iterations": 9})


def test_data_that_is_trained_and_evaluated_on_is_opened_once(
    tmp_path: Path, opens: list[str]
) -> None:
    envs = check_data(settings(write_data(tmp_path, "one.jsonl")))
    assert opens == ["one.jsonl"]
    assert envs.train["data"] is envs.evaluation["data"]


def test_a_judge_of_evaluations_is_asked_whether_it_can_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(RuleJudge):
        def check(self) -> None:
            raise JudgeError("no such model")

    monkeypatch.setattr(JUDGES, "_entries", {**JUDGES, "broken": Broken})
    noisy = {"judge.name": "flipped", "judge.params": {"rate": 0.5}, "evaluation.judge": "rule"}
    data = write_data(tmp_path, "one.jsonl")
    envs = check_data(settings(data, **noisy))
    assert (envs.train["judge"]["name"], envs.evaluation["judge"]["name"]) == ("flipped", "rule")
    with pytest.raises(JudgeError, match="no such model"):
        check_data(settings(data, **{"evaluation.judge": "broken"}))


def test_settings_of_the_dataset_go_to_the_dataset() -> None:
    given = build(TrainSettings, {"world.canvas": 224, "rewards.preset": "paper"})
    env = given.eval_env()
    world = asdict(WorldSettings(canvas=224))
    assert env["data"] == OpenedDataset("world", split="test", **world)
    assert isinstance(env["data"].open(), World)
    assert env["rewards"] == {"preset": "paper"}
    assert not env.keys() & world.keys()
