"""``visionthink quality``: its metrics, by hand, and the command from end to end."""

import json
from pathlib import Path

import pytest

from agents.rollouts.trajectory import Trajectory
from benchmarks.evaluation.quality import by_family
from tests.agents.helpers import trajectory
from tests.benchmarks.runner import invoke
from vt_env.rewards import Outcome


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


def test_the_metrics_by_hand() -> None:
    played = {
        "high": [episode(True, True), episode(False, True), episode(None, False)],
        "low": [episode(True, False), episode(False, True), episode(None, True)],
        "own": [
            episode(True, True, asked=True),
            episode(False, True, well_formed=False),
            episode(None, True),
        ],
    }
    played["low"][0] = episode(True, False, sample_id="lost")
    result = by_family(played, {"lost": True})
    assert list(result) == ["maps", "all"]
    assert result["maps"] == result["all"]
    got = result["all"]
    assert got.episodes == 3
    assert got.accuracy_high == pytest.approx(2 / 3)
    assert (got.accuracy_low_enough, got.accuracy_low_lost, got.chance) == (1.0, 0.0, 1.0)
    assert (got.request_rate_need, got.request_rate_no_need) == (1.0, 0.0)
    assert got.resize_call_ratio == pytest.approx(1 / 3)
    assert got.well_formed == pytest.approx(2 / 3)


def test_what_there_is_none_of_is_none() -> None:
    played = {way: [episode(False, True, family="street")] for way in ("high", "low", "own")}
    got = by_family(played, {})["street"]
    assert (got.accuracy_low_lost, got.chance, got.request_rate_need) == (None, None, None)


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    out = tmp_path / "new" / "quality.json"
    options = ("--samples", "3", "--backend", "transformers", "--split", "generalisation")
    done = invoke("quality", *options, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "3 samples of the generalisation split" in done.output
    record = json.loads(out.read_text())
    assert record["settings"]["split"] == "generalisation"
    assert record["metrics"]["all"]["episodes"] == 3
    assert invoke("quality", "--samples", "0").exit_code != 0
