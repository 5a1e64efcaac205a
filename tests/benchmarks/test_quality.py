"""``visionthink quality``: its figures, by hand, and the command from end to end."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from agents.trajectory import Trajectory
from benchmarks import show
from benchmarks.cli import app
from benchmarks.quality import blind_guesses, by_family
from tests.agents.helpers import trajectory
from vt_env.rewards import Outcome
from vt_env.tasks import World


def episode(
    need: bool | None, correct: bool, asked: bool = False, family: str = "maps", **changes: object
) -> Trajectory:
    outcome = Outcome(
        correct=correct,
        requested=asked,
        well_formed=bool(changes.pop("well_formed", True)),
        needs_high_res=need,
    )
    return trajectory(outcome=outcome, family=family, **changes)


def test_the_figures_by_hand() -> None:
    played = {
        "high": [episode(True, True), episode(False, True), episode(None, False)],
        "low": [episode(True, False), episode(False, True), episode(None, True)],
        "own": [
            episode(True, True, asked=True),
            episode(False, True, well_formed=False),
            episode(None, True),
        ],
    }
    played["low"][0] = episode(True, False, question="What pattern?", references=("plain",))
    result = by_family(played, {"What pattern?": "plain"})
    assert list(result) == ["maps", "all"]
    assert result["maps"] == result["all"]
    got = result["all"]
    assert got.samples == 3
    assert got.high == pytest.approx(2 / 3)
    assert (got.low_enough, got.low_lost, got.chance) == (1.0, 0.0, 1.0)
    assert (got.asks_need, got.asks_no_need) == (1.0, 0.0)
    assert got.asks == pytest.approx(1 / 3)
    assert got.well_formed == pytest.approx(2 / 3)


def test_what_there_is_none_of_is_none() -> None:
    played = {way: [episode(False, True, family="street")] for way in ("high", "low", "own")}
    got = by_family(played, {})["street"]
    assert (got.low_lost, got.chance, got.asks_need) == (None, None, None)


def test_the_best_blind_guess_is_the_most_frequent_answer() -> None:
    world = World("train", families=("textures",))
    guesses = blind_guesses(world, 300)
    asked = [world[i] for i in range(300)]
    question = "What pattern is on the red cloth?"
    answers = [s.answers[0] for s in asked if s.question == question and s.needs_high_res]
    assert answers.count(guesses[question]) == max(answers.count(answer) for answer in answers)
    assert all(guess for guess in guesses.values())


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    out = tmp_path / "new" / "quality.json"
    options = ("--samples", "3", "--backend", "transformers", "--split", "generalisation")
    done = CliRunner().invoke(app, ["quality", *options, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "3 samples of the generalisation split" in done.output
    record = json.loads(out.read_text())
    assert record["settings"]["split"] == "generalisation"
    assert record["figures"]["all"]["samples"] == 3
    assert CliRunner().invoke(app, ["quality", "--samples", "0"]).exit_code != 0


def test_the_bar_of_the_guesses_can_be_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=drawn, force_terminal=True, width=100))
    blind_guesses(World("train", suite="mixed"), 5)
    assert "blind guesses" in drawn.getvalue()
    assert "5/5" in drawn.getvalue()
