"""TRL's loss and ours on one batch."""

from typing import Any

import pytest

from benchmarks.parity.losses import compare
from benchmarks.parity.trl import TOLERANCE
from benchmarks.speed.trl_setup import installed
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

SMALL = {"grpo.num_prompts": 4, "grpo.num_generations": 4}


@pytest.mark.skipif(not installed(), reason="needs the extra bench (trl, accelerate)")
@pytest.mark.filterwarnings("ignore")  # TRL's own warnings
@pytest.mark.parametrize("more", [{}, {"grpo.loss_type": "grpo", "grpo.beta": 0.5}])
def test_both_losses_are_one(more: dict[str, Any]) -> None:
    found = compare(build(TrainSettings, SMALL | more).resolved())
    assert found["episodes"] == 16
    assert 0 < found["with_two_images"] < 16
    assert abs(found["loss"]["ours"]) > 5 * TOLERANCE  # near 0: advantages of a group add up to it
    assert found["loss"]["difference"] <= TOLERANCE
    assert found["gradient"]["relative"] <= 1e-3
    assert found["gradient"]["ours"] > 0
