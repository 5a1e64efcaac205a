"""GEM 0.1 in an environment of its own: 100 episodes as ours are, to the last digit."""

import json

import pytest

from tests.homes.venvs import ROOT, run_in

pytestmark = [pytest.mark.slow, pytest.mark.homes, pytest.mark.timeout(1800)]


def test_it_plays_as_our_environment_does() -> None:
    found = json.loads(run_in("gem", "-m", "tests.homes.play_gem", seconds=900).splitlines()[-1])
    assert found["alike"] == 100
    assert found["endings"] == ["answered", "malformed", "turn_limit"]
    vector = found["vector"]
    assert vector["alike"]
    assert vector["different"] == 3
    assert vector["terminated"] == [True] * 3
    assert all(0 < paid < 1.6 for paid in vector["paid"])
    assert vector["next"] == [1] * 3


def test_the_example_runs() -> None:
    told = run_in("gem", str(ROOT / "examples" / "homes" / "play_gem.py"), seconds=600)
    assert "mean return" in told
