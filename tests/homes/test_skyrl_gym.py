"""SkyRL-Gym 0.4 in an environment of its own: 100 episodes as ours are, to the last digit."""

import json

import pytest

from tests.homes.venvs import ROOT, run_in

pytestmark = [pytest.mark.slow, pytest.mark.homes, pytest.mark.timeout(1800)]


def test_it_plays_as_our_environment_does() -> None:
    told = run_in("skyrl_gym", "-m", "tests.homes.play_skyrl_gym", seconds=900).splitlines()
    found = json.loads(told[-1])
    assert found["alike"] == 100
    assert found["endings"] == ["answered", "malformed", "turn_limit"]
    assert found["images"] > 130  # a second one in the episodes that asked
    assert 0 < found["metrics"]["correct"] < 1
    assert found["metrics"]["reward_token_cost"] < 0
    assert "written from other data" in told[0]
    assert "must say its sample" in told[1]
    assert "index must be an integer" in told[2]


def test_the_example_runs() -> None:
    told = run_in("skyrl_gym", str(ROOT / "examples" / "homes" / "play_skyrl_gym.py"), seconds=600)
    assert "mean return" in told
