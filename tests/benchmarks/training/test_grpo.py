"""RL as a method: what is logged of an iteration, and where in the stream it is."""

import math
from typing import Any

import pytest

from agents.grpo import OBJECTIVE, ROLLOUTS, TIMING
from benchmarks.training.grpo import BY_GRPO, build_config, flat_metrics
from benchmarks.training.settings import SFTSettings, TrainSettings
from benchmarks.training.sft import BY_SFT
from vt_env.settings.tree import build


def test_metrics_are_flat_and_finite() -> None:
    learner: dict[str, Any] = {
        OBJECTIVE: {"kl": 0.25},
        "total_loss": 0.5,
        "gradients_default_optimizer_global_norm": 2.0,
        TIMING: {"step": 0.125},
    }
    found = flat_metrics(
        {
            ROLLOUTS: {"reward": 1.0, "accuracy_given_request": math.nan},
            "learners": {"default_policy": learner},
            TIMING: {"iteration": 3.00004},
        }
    )
    assert found == {
        "reward": 1.0, "kl": 0.25, "loss": 0.5, "grad_norm": 2.0,
        "timing/iteration": 3.0, "timing/learner/step": 0.125,
    }  # fmt: skip


def test_its_place_in_the_stream_is_known_unless_groups_are_refilled() -> None:
    settings = build(TrainSettings, {"grpo.num_prompts": 6})
    assert BY_GRPO.position(settings, 7) == 42
    refilled = build(TrainSettings, {"grpo.dynamic_sampling": True})
    assert BY_GRPO.position(refilled, 7) is None


def test_settings_reach_the_algorithm() -> None:
    settings = build(TrainSettings, {"run.seed": 3, "grpo.lr": 1e-4, "run.num_learners": 2})
    config = build_config(settings, settings.train_env())
    assert (config.seed, config.lr, config.num_learners) == (3, 1e-4, 2)


@pytest.mark.parametrize(("method", "tree"), [(BY_GRPO, TrainSettings), (BY_SFT, SFTSettings)])
def test_each_method_has_its_tree(method: Any, tree: type) -> None:
    assert method.tree is tree
