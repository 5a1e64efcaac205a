"""A run says where it goes and how long its stages take, on a terminal and off it."""

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.report import stages, terminal
from benchmarks.report.stages import Stage, announce, duration, under_way
from benchmarks.report.terminal import LIVE, LiveTraining, live_line, time_line
from benchmarks.training.plan import PLAYS, plan
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

PLAIN = Console(force_terminal=True, width=80, emoji=False, color_system=None, highlight=False)
WORST = {key: -1.25 if key == "reward" else 1.0 for key, _ in LIVE}
TIMES = {"timing/iteration": 3.14, "timing/rollout": 1.2, "timing/learner": 1.61}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (99.4, "99 s"),
        (348, "6 min"),
        (4800, "80 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_a_time_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_live_line_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(live_line(WORST)) <= 80
    with LiveTraining(1000, 0) as live:
        live.show(1000, {**WORST, "seconds": 8640.0})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("1000/1000 8640s reward -1.25")
    assert len(line) <= 80


def test_a_training_that_plays_nothing_shows_its_loss() -> None:
    assert live_line({"loss": 0.01234, "tokens": 400.0}) == "loss 0.012"
    assert "loss" not in live_line({**WORST, "loss": 0.5})


def test_where_the_time_goes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert time_line(WORST) == ""
    assert time_line({"timing/iteration": 3.14}) == "3.1 s/it"
    with LiveTraining(100, 0) as live:
        live.show(10, WORST | TIMES)
    metrics, times = capsys.readouterr().out.splitlines()
    assert metrics.startswith("10/100")
    assert times == "  3.1 s/it (play 1.2 learn 1.6)"


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_80_columns_shows_all_of_it(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Console(force_terminal=True, width=width, emoji=False, color_system=None)
    monkeypatch.setattr(terminal, "console", shown)
    with LiveTraining(100, 0) as live:
        live.show(100, WORST | TIMES)
    said = capsys.readouterr().out
    assert live_line(WORST) in said
    assert time_line(TIMES) in said
    assert "100/100" in said


def test_the_plan_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    announce(tmp_path, plan(TrainSettings()))
    said = capsys.readouterr().out
    assert f"Run: {tmp_path}" in said
    assert "50 iterations of 24 x 8 episodes" in said and "about 2 min" in said
    assert "the trained model on 600 samples" in said and "about 34 s" in said
    assert all(len(line) <= 80 for line in said.splitlines()[1:])


def test_the_plan_of_another_model_promises_no_times() -> None:
    settings = build(TrainSettings, {"engine.model_dir": "other", "run.iterations": 10})
    stages_ = plan(settings, done=4)
    names = ["check", "engine", "untrained", "training", "trained"]
    assert [stage.name for stage in stages_] == names
    assert [stage.seconds for stage in stages_] == [None] * 5
    assert stages_[3].about == "6 iterations of 24 x 8 episodes"
    assert "on 600 samples" in stages_[2].about
    other = plan(build(TrainSettings, {"data.name": "rows.jsonl"}))
    assert "on at most 600 samples" in other[2].about
    looked = plan(build(TrainSettings, {"evaluation.every": 10}))
    assert [stage.name for stage in looked] == [*names[:2], "held-out", *names[2:]]
    assert set(PLAYS) < {stage.name for stage in looked}


def test_a_stage_shows_its_steps_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with under_way("trained", 2) as step:
        assert capsys.readouterr().out == "trained …\n"
        step()
        assert capsys.readouterr().out == "trained 1/2 0s\n"
        step()
    assert capsys.readouterr().out == "trained: 0 s\n"


def test_a_stage_that_fails_claims_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), under_way("engine"):
        raise ZeroDivisionError
    assert capsys.readouterr().out == "engine …\n"


def test_a_stage_moves_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "console", PLAIN)
    with under_way("engine"):
        pass
    said = capsys.readouterr().out
    assert "0:00:00" in said
    assert said.rstrip().endswith("engine: 0 s")


def test_stages_are_data() -> None:
    assert Stage("engine", "it starts") == Stage("engine", "it starts", None)
