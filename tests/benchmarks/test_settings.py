"""The settings of a run, as the environment gets them."""

import pytest

from benchmarks.settings import TrainSettings
from vt_env.env import VisionThinkEnv


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({}, "malformed"),
        ({"rewards": "paper"}, "judge"),
        ({"rewards": "paper", "untagged_answer": "malformed"}, "malformed"),
        ({"untagged_answer": "judge"}, "judge"),
    ],
)
def test_answers_without_tags_in_training(settings: dict[str, str], rule: str) -> None:
    chosen = TrainSettings(**settings)  # type: ignore[arg-type]
    for env_settings in (chosen.train_env(), chosen.eval_env()):
        assert VisionThinkEnv(**env_settings).episode_config.untagged_answer == rule
