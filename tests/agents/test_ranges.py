"""Numbers that settings may have: whatever is out of range is refused by name, at once."""

import re
from typing import Any

import numpy as np
import pytest
from ray import is_initialized

from agents.backends import Sampling
from agents.engine import EngineSettings
from agents.errors import TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.config import GRPOSettings
from agents.grpo.losses import LossConfig
from agents.tiny.recipe import PretrainConfig
from vt_env.errors import ConfigError, VisionThinkError
from vt_env.settings.fields import kinds

NAN, INF = float("nan"), float("inf")
NEVER: tuple[Any, ...] = (NAN, INF, -INF, -1, -0.5, "1", "", True, [1], {}, b"1")
"""No setting takes any of these."""
MORE: dict[str, tuple[Any, ...]] = {
    "epsilon": (1, 2, None),
    "epsilon_high": (101,),
    "beta": (1e4, None),
    "temperature": (0, 2.5, None),
    "lr": (0, 1, 5.0, None),
    "num_generations": (0, 1, 8.5, None),
    "num_prompts": (0, 2.5, None),
    "num_iterations": (0, 1.5, None),
    "max_new_tokens": (0, 1.5),
    "max_model_len": (0, 1.5),
    "grad_clip": (0,),
    "minibatch_size": (0, 2.5),
    "micro_batch_size": (0, 2.5),
    "vllm_importance_sampling_clip_max": (0,),
    "vllm_importance_sampling_clip_min": (0,),
    "off_policy_mask_threshold": (0,),
    "max_completion_length": (0, 1.5, None),
    "entropy_coef": (None,),
}


def numbers_of(*owners: type) -> list[str]:
    """Names of the fields that are numbers."""
    found = {name: kind for owner in owners for name, kind in kinds(owner).items()}
    return sorted(name for name, kind in found.items() if kind.base in (int, float))


BAD = [
    (name, value)
    for name in numbers_of(GRPOSettings, EngineSettings)
    for value in (*NEVER, *MORE.get(name, ()))
    if not (name == "lr" and value == [1])
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=repr)
def test_training_is_told_at_once(name: str, value: object) -> None:
    """By the call that gives the setting, and by the checks before a build."""
    with pytest.raises((TrainingError, ConfigError), match=rf"^{name} must .* got "):
        GRPOConfig().training(**{name: value})
    config = GRPOConfig()
    setattr(config, name, value)
    with pytest.raises((TrainingError, ConfigError), match=rf"^{name} must .* got "):
        config.validate()
    with pytest.raises((TrainingError, ConfigError), match=rf"^{name} must .* got "):
        config.build_algo()
    assert not is_initialized(), "Ray was started for a setting that cannot work"


def test_the_range_is_told() -> None:
    for settings, message in (
        ({"beta": NAN}, "beta must lie in [0, 1000] and be a number, got nan."),
        ({"epsilon": 2}, "epsilon must lie in [0, 1) and be a number, got 2."),
        ({"temperature": -1}, "temperature must lie in (0, 2] and be a number, got -1."),
        ({"lr": 1}, "lr must lie between 0 and 1 and be a number, got 1."),
        (
            {"micro_batch_size": "8"},
            "micro_batch_size must be at least 1 and be a whole number or None, got '8'.",
        ),
    ):
        with pytest.raises(VisionThinkError, match=re.escape(message)):
            GRPOConfig().training(**settings)


def test_what_can_work_passes() -> None:
    config = GRPOConfig().training(
        beta=np.float32(0.5),
        num_prompts=np.int64(4),
        lr=[[0, 1e-3], [100, 1e-4]],
        epsilon_high=None,
        micro_batch_size=None,
        grad_clip=None,
    )
    config.validate()


@pytest.mark.parametrize("points", [[[0, NAN]], [[0, 1e-3], [100, 7.0]], [(0, "fast")]])
def test_a_schedule_is_checked_point_by_point(points: list[Any]) -> None:
    with pytest.raises(TrainingError, match="lr must lie between 0 and 1"):
        GRPOConfig().training(lr=points)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shaper": "paper", "shaper_params": {"theta": NAN}}, "theta must be a finite number"),
        ({"shaper_params": [1]}, "shaper_params must be a mapping"),
        ({"max_abstention_share": NAN}, r"max_abstention_share must lie in \[0, 1\]"),
        ({"max_abstention_share": "0.2"}, r"max_abstention_share must lie in \[0, 1\]"),
        ({"mask_truncated_completions": "no"}, "mask_truncated_completions must be true or false"),
        ({"vllm_importance_sampling_correction": 1}, "correction must be true or false"),
        ({"dtype": "float23"}, "Did you mean 'float32'"),
    ],
)
def test_other_settings_of_the_wrong_kind(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VisionThinkError, match=message):
        GRPOConfig().training(**settings).validate()


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("name", ["temperature", "max_new_tokens", "seed"])
def test_sampling(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must"):
        Sampling(**{"max_new_tokens": 8, name: value})


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("name", numbers_of(LossConfig))
def test_the_loss(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must"):
        LossConfig(**{name: value})


NUMBERS_OF_THE_RECIPE = sorted(set(PretrainConfig.__dataclass_fields__) - {"architecture"})


@pytest.mark.parametrize("value", NEVER)
@pytest.mark.parametrize("name", NUMBERS_OF_THE_RECIPE)
def test_the_recipe_of_a_pretraining(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must"):
        PretrainConfig(**{name: value})
