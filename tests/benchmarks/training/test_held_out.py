"""Evaluation during training: its data, its metrics, the best model, and goals that end a run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agents.rollouts.trajectory import Trajectory
from benchmarks.report.terminal import LiveTraining, held_out_line
from benchmarks.training.held_out import open_slice, slice_metrics
from benchmarks.training.plan import plan
from benchmarks.training.run import resume, train, without_times
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from benchmarks.training.until import parse_goals, reached
from benchmarks.training.watch import Watch, is_better
from tests.agents.helpers import read_weights, trajectory
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.rewards import Outcome
from vt_env.settings.tree import build

SHORT: dict[str, Any] = {
    "engine.backend": "transformers",
    "run.iterations": 3,
    "run.checkpoint_every": 1,
    "run.threads": 1,
    "grpo.num_prompts": 2,
    "grpo.num_generations": 4,
    "grpo.lr": 1e-3,
    "evaluation.samples": 4,
}


def trained(folder: RunFolder) -> list[dict[str, float]]:
    """What was logged of training itself."""
    return [
        {k: v for k, v in without_times(row).items() if not k.startswith("eval/")}
        for row in folder.metrics()
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A short training without evaluations."""
    return train(build(TrainSettings, SHORT), tmp_path_factory.mktemp("plain"), "run")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same with evaluations."""
    more = {"evaluation.every": 2, "evaluation.slice": 6, "run.keep_checkpoints": 2}
    return train(build(TrainSettings, SHORT, more), tmp_path_factory.mktemp("watched"), "run")


def test_evaluations_leave_no_trace_in_training(plain: RunFolder, watched: RunFolder) -> None:
    assert trained(plain) == trained(watched)
    first, second = read_weights(plain.path / "model"), read_weights(watched.path / "model")
    assert all((first[name] == second[name]).all() for name in first)
    assert not any(name.startswith("eval/") for row in plain.metrics() for name in row)


def test_metrics_stand_in_the_rows_of_their_iterations(watched: RunFolder) -> None:
    with_metrics = [row["iteration"] for row in watched.metrics() if "eval/reward" in row]
    assert with_metrics == [2, 3], "every other iteration, and the last"
    names = {"accuracy", "request_rate_need", "request_rate_no_need", "reward"}
    names |= {"visual_tokens/share_of_full", "regret_to_start_oracle"}
    assert {f"eval/{name}" for name in names} == {
        name for name in watched.metrics()[1] if name.startswith("eval/")
    }


def test_the_best_model_and_the_last_checkpoints_are_kept(
    plain: RunFolder, watched: RunFolder
) -> None:
    last = ["iteration_00002", "iteration_00003"]
    assert sorted(path.name for path in plain.checkpoints.iterdir()) == last
    kept = sorted(path.name for path in watched.checkpoints.iterdir())
    assert kept == ["best", *last]
    rows = {row["iteration"]: row for row in watched.metrics() if "eval/reward" in row}
    best = watched.best()
    assert best is not None
    assert best["metrics"]["eval/reward"] == max(row["eval/reward"] for row in rows.values())
    assert best["metrics"].items() <= rows[best["iteration"]].items()
    summary = json.loads((watched.path / "summary.json").read_text())
    assert summary["best"] == best and "stopped" not in summary
    weights = read_weights(watched.best_model)
    final = read_weights(watched.path / "model")
    same = all((weights[name] == final[name]).all() for name in final)
    assert same is (best["iteration"] == 3)
    assert "best" not in json.loads((plain.path / "summary.json").read_text())


def test_a_resumed_run_evaluates_as_an_unbroken_one(watched: RunFolder, tmp_path: Path) -> None:
    """Killed after its second iteration: the model before RL is measured again."""
    folder = RunFolder(Path(shutil.copytree(watched.path, tmp_path / "run")))
    (folder.path / "summary.json").unlink()
    shutil.rmtree(folder.checkpoint(3))
    shutil.rmtree(folder.path / "model")
    resume(folder.path)
    rows = [without_times(row) for row in folder.metrics()]
    assert rows == [without_times(row) for row in watched.metrics()]
    assert folder.best() == watched.best()
    for name in ("rollouts.jsonl", "starts.jsonl"):
        assert (folder.path / name).read_bytes() == (watched.path / name).read_bytes()


def test_a_run_that_reached_its_goal_is_complete(tmp_path: Path) -> None:
    more = {"evaluation.every": 1, "evaluation.slice": 2, "run.until": "regret=5, accuracy=0"}
    folder = train(build(TrainSettings, SHORT, more), tmp_path, "run")
    summary = json.loads((folder.path / "summary.json").read_text())
    assert summary["stopped"] == "until regret=5, accuracy=0 at iteration 1"
    assert summary["iterations"] == 1 == len(folder.metrics())
    assert summary["episodes"] == 4, "the final evaluation is made"
    assert folder.checkpoint(1).is_dir() and (folder.path / "model").is_dir()
    # Killed between the stop and the summary: a resumed run does not train on.
    settings = TrainSettings.load(folder.path / "settings.json")
    again = Watch(settings, folder)
    again.begin(1)
    assert again.stopped == summary["stopped"]


def played(reward: float, asked: bool, correct: bool, need: bool | None) -> Trajectory:
    outcome = Outcome(correct, asked, True, need)
    return trajectory(
        reward_terms={"accuracy": reward},
        outcome=outcome,
        visual_tokens=20 if asked else 4,
    )


def test_metrics_of_a_slice_by_hand() -> None:
    episodes = [played(1.0, True, True, True), played(0.5, False, False, False)]
    found = slice_metrics(episodes, best=1.25)
    assert found == {
        "eval/accuracy": 0.5,
        "eval/request_rate_need": 1.0,
        "eval/request_rate_no_need": 0.0,
        "eval/visual_tokens/share_of_full": 0.75,
        "eval/reward": 0.75,
        "eval/regret_to_start_oracle": 0.5,
    }
    unknown = slice_metrics([played(1.0, True, True, None)], best=None)
    assert "eval/request_rate_need" not in unknown
    assert "eval/regret_to_start_oracle" not in unknown


@pytest.mark.parametrize(
    ("given", "split"),
    [
        ({}, "validation"),
        ({"evaluation.split": "validation"}, "test"),
        ({"data.split": "validation"}, "train"),
        ({"data.split": "validation", "evaluation.split": "generalisation"}, "test"),
    ],
)
def test_of_the_world_a_split_that_nobody_else_plays(given: dict[str, Any], split: str) -> None:
    settings = build(TrainSettings, {**given, "evaluation.every": 5})
    part = open_slice(settings, settings.eval_env())
    assert part is not None and part.split == split
    assert part.indices == list(range(200))
    played = [env["data"].settings["split"] for env in (settings.train_env(), settings.eval_env())]
    assert split not in played


def write_rows(folder: Path, name: str) -> None:
    Image.linear_gradient("L").resize((168, 168)).save(folder / "a.png")
    row = {"image": "a.png", "question": f"Of {name}?", "answer": "red"}
    (folder / name).write_text(json.dumps(row) + "\n")


def test_of_a_folder_its_validation_split(tmp_path: Path) -> None:
    for name in ("train.jsonl", "val.jsonl", "test.jsonl"):
        write_rows(tmp_path, name)
    given = {"data.name": str(tmp_path), "data.split": "train", "evaluation.every": 1}
    settings = build(TrainSettings, given)
    part = open_slice(settings, settings.eval_env())
    assert part is not None
    assert part.env["data"][0].question == "Of val.jsonl?" and part.indices == [0]
    # What is reported is not what is chosen by: no split is left.
    settings = build(TrainSettings, {**given, "evaluation.split": "val"})
    part = open_slice(settings, settings.eval_env())
    assert part is not None and part.split == "val"


def test_without_such_a_split_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path, "rows.jsonl")
    settings = build(
        TrainSettings, {"data.name": str(tmp_path / "rows.jsonl"), "evaluation.every": 1}
    )
    evaluation = settings.eval_env()
    part = open_slice(settings, evaluation)
    assert part is not None and part.env is evaluation
    assert "has no validation split" in " ".join(capsys.readouterr().out.split())
    assert open_slice(build(TrainSettings, {}), evaluation) is None


def test_goals() -> None:
    metrics = {
        "eval/regret_to_start_oracle": 0.01,
        "eval/accuracy": 0.95,
        "eval/reward": 1.3,
        "eval/visual_tokens/share_of_full": 0.74,
    }
    for text, holds in (
        ("regret=0.01", True),
        ("regret=0.009", False),
        ("accuracy=0.95,reward=1.3,tokens=0.74", True),
        ("accuracy=0.96", False),
        ("reward=1.31", False),
        ("tokens=0.73", False),
        ("regret=0.01,accuracy=0.96", False),
    ):
        assert reached(parse_goals(text), metrics) is holds, text
        assert not reached(parse_goals(text), {"accuracy": 1.0}), "not evaluated"
    assert not reached(parse_goals(None), metrics)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("regrets=1", UnknownNameError, "Did you mean 'regret'"),
        ("regret", ConfigError, "regret needs a number, such as regret=0.5"),
        ("regret=low", ConfigError, "got 'regret=low'"),
        ("accuracy=nan", ConfigError, "accuracy needs a number"),
        ("regret=0.1,regret=0.2", ConfigError, "names regret twice"),
        ("regret=0.1,", UnknownNameError, "run.until"),
    ],
)
def test_goals_that_cannot_be(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(TrainSettings, {"run.until": text, "evaluation.every": 1})


def test_goals_need_evaluations() -> None:
    with pytest.raises(ConfigError, match=r"set evaluation\.every"):
        build(TrainSettings, {"run.until": "regret=0.1"})


def test_which_model_is_better() -> None:
    best = {"iteration": 4, "metrics": {"eval/reward": 1.0}}
    assert is_better({"eval/reward": 0.5}, 2, None)
    assert is_better({"eval/reward": 1.1}, 6, best)
    assert not is_better({"eval/reward": 1.0}, 6, best)
    assert is_better({"eval/reward": 1.0}, 4, best), "a resumed run writes it again"
    assert not is_better({}, 6, best)


def test_a_save_that_is_stopped_leaves_the_best_before(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.save_best(lambda path: (path / "model").write_text("1") and None, 1, {"eval/reward": 1})

    def stops(path: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.save_best(stops, 2, {"eval/reward": 2})
    assert folder.best() == {"iteration": 1, "metrics": {"eval/reward": 1}}
    folder.save_best(lambda path: None, 3, {"eval/reward": 3})
    assert folder.best() == {"iteration": 3, "metrics": {"eval/reward": 3}}
    assert [path.name for path in folder.checkpoints.iterdir()] == ["best"]


def test_the_slice_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"accuracy": 0.5, "eval/accuracy": 0.9, "eval/regret_to_start_oracle": 0.0123}
    assert held_out_line(metrics) == "acc 90% regret 0.012"
    assert held_out_line({"accuracy": 0.5}) == ""
    with LiveTraining(10, 0) as live:
        live.show(3, metrics)
        live.show(4, {"accuracy": 0.5})
    assert capsys.readouterr().out.splitlines() == ["3/10 held out: acc 90% regret 0.012"]
    names = [stage.name for stage in plan(build(TrainSettings, {"evaluation.every": 10}))]
    assert names == ["check", "engine", "held-out", "untrained", "training", "trained"]
