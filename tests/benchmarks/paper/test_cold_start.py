"""Table 9: RL that begins with a fine-tuned model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.paper import cold_start
from benchmarks.paper.material import Material
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.training.settings import TrainSettings
from tests.benchmarks.paper.conftest import alter, material
from vt_env import ConfigError
from vt_env.settings.tree import flatten

Row = dict[str, float]


def rows(*pairs: tuple[float, float]) -> list[Row]:
    return [
        {"iteration": n, "request_rate_need": need, "request_rate_no_need": idle,
         "resize_call_ratio": (need + idle) / 2}
        for n, (need, idle) in enumerate(pairs, 1)
    ]  # fmt: skip


@pytest.fixture
def three(tmp_path: Path, penalty: Material, taught: Material) -> Material:
    """RL, fine-tuning, and RL after it, of which iterations differ."""
    cold = material(tmp_path, cold_start.SWEEP, {cold_start.AFTER: 0.5})
    for made, point, found in (
        (penalty, "paper-theta0.2", rows((0.5, 0.5), (0.9, 0.1), (1.0, 0.0), (1.0, 0.0))),
        (cold, cold_start.AFTER, rows((0.95, 0.05), (0.95, 0.05))),
    ):
        for trial in made.done(point):
            file = made.folder.trial(trial).metrics_file
            file.write_text("".join(json.dumps(row) + "\n" for row in found))
    return replace(penalty, beside={"sft": taught, cold_start.SWEEP.name: cold})


def test_trials_are_those_of_rl_but_for_the_model(penalty: Material, taught: Material) -> None:
    sweep, planned = cold_start.follow(replace(penalty, beside={"sft": taught}))
    assert [trial.id for trial in planned] == ["cold-start/after-sft/0", "cold-start/after-sft/1"]
    for trial in planned:
        (rl,) = [t for t in penalty.done("paper-theta0.2") if t.seed == trial.seed]
        mine, theirs = flatten(trial.settings), flatten(rl.settings)
        apart = {path for path in mine if mine[path] != theirs[path]}
        assert apart == {"engine.model_dir"} and isinstance(trial.settings, TrainSettings)
        model = taught.folder.path / "trials" / "oracle" / str(trial.seed) / "model"
        assert mine["engine.model_dir"] == str(model)
    folder = SweepFolder(penalty.folder.path.parent / sweep.name)
    folder.write_definition(sweep, planned)
    (point,) = json.loads(folder.definition_file.read_text())["points"].values()
    assert point["by_seed"] == {"1": {"engine.model_dir": str(model)}}


def test_a_seed_without_a_fine_tuned_model_is_told(penalty: Material, taught: Material) -> None:
    last = taught.done("oracle")[1]
    (taught.folder.trial(last).path / "summary.json").unlink()
    with pytest.raises(ConfigError, match="there is no trial sft/oracle/1"):
        cold_start.follow(replace(penalty, beside={"sft": taught}))


def test_the_bar_is_a_mean_of_the_last_three_iterations() -> None:
    assert cold_start.first_over(rows((0.95, 0.05))) == 1
    assert cold_start.first_over(rows((0.5, 0.5), (1.0, 0.0), (1.0, 0.0), (1.0, 0.0))) == 4
    assert cold_start.first_over(rows((0.5, 0.5), (1.0, 1.0))) is None
    free = {"exploration/free_request_rate_need": 1.0, "exploration/free_request_rate_no_need": 0.0}
    assert cold_start.first_over([rows((0.5, 0.5))[0] | free]) == 1, (
        "of forced decisions none counts"
    )
    assert cold_start.first_over([{"iteration": 1, "request_rate_need": 1.0}]) is None


def test_first_bar_and_end_of_each(three: Material) -> None:
    headings, found = cold_start.table(three)
    named = {row[0]: dict(zip(headings, row, strict=True)) for row in found}
    assert list(named) == ["RL", "cold start", "SFT alone"]
    assert named["RL"]["at first"] == "50.0%"
    assert named["RL"]["to 90%"] == "4 4" and named["cold start"]["to 90%"] == "1 1"
    assert named["SFT alone"]["to 90%"] == "" and named["SFT alone"]["right"] == "95.0%"
    assert named["RL"]["regret"] == "0.050"


def test_what_is_said_follows_the_figures(three: Material) -> None:
    told = " ".join(cold_start.says(three))
    assert "by iteration 1 with a cold start, by iteration 4 without" in told
    assert "is not worse (in the paper it is)" in told
    cold = three.beside[cold_start.SWEEP.name]
    for trial in cold.done(cold_start.AFTER):
        baselines = cold.folder.summary(trial)["baselines"]
        baselines["always_high"]["accuracy"] = 0.8
    alter(cold, cold_start.AFTER, baselines=baselines)
    told = " ".join(cold_start.says(three))
    assert "on 80.0% and 100.0%" in told and "is worse (as in the paper)" in told


def test_never_is_told() -> None:
    assert cold_start._after([None, None]) == "never"
    assert cold_start._after([None, 4]) == "by iteration 4, never with 1 of 2 seeds,"


def test_the_papers_words_are_there() -> None:
    headings, words = cold_start.printed_cold_start()
    assert words and all(len(row) == len(headings) for row in words)
