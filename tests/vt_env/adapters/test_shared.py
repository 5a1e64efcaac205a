"""One environment for the same settings, and the sample that a row means."""

import numpy as np
import pytest

from vt_env import ConfigError, MemoryImage
from vt_env.adapters.shared import chosen_sample, shared_env


def test_the_same_settings_mean_the_same_environment() -> None:
    env = shared_env({"split": "test", "max_turns": 3})
    assert shared_env({"max_turns": 3, "split": "test"}) is env
    assert shared_env({"split": "test", "max_turns": 2}) is not env
    assert env.factory.config.max_turns == 3


def test_settings_that_are_not_plain_are_refused() -> None:
    with pytest.raises(ConfigError, match="plain values"):
        shared_env({"data": MemoryImage})
    with pytest.raises(ConfigError, match="max_turns"):
        shared_env({"max_turns": 0})


def test_a_row_says_its_sample() -> None:
    env = shared_env({"split": "test"})
    name = env.dataset[5].sample_id
    assert chosen_sample(env, {"extra_info": {"index": 5}}) == 5
    assert chosen_sample(env, {"extra_info": {"sample_id": name}}) == 5
    assert chosen_sample(env, {"index": np.int64(5), "extra_info": {"sample_id": name}}) == 5
    assert chosen_sample(env, {"index": 5, "extra_info": None}) == 5


def test_a_row_of_other_data_is_refused() -> None:
    env = shared_env({"split": "test"})
    for row, words in (
        ({}, "must say its sample.*this one has nothing"),
        ({"prompt": "x"}, "this one has 'prompt'"),
        ({"index": -1}, "index must be an integer"),
        ({"sample_id": "nowhere"}, "no sample 'nowhere'"),
        ({"index": 1, "sample_id": env.dataset[2].sample_id}, "written from other data"),
    ):
        with pytest.raises(ConfigError, match=words):
            chosen_sample(env, row)
