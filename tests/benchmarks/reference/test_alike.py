from typing import Any

import pytest

from benchmarks.reference.alike import (
    ASIDE,
    MODEL,
    SEED,
    Difference,
    by_path,
    differences,
    digest,
    matter,
    varied,
)
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError
from vt_env.settings.tree import build, flatten, to_json


def values(**changes: Any) -> dict[str, Any]:
    given = {name.replace("__", "."): value for name, value in changes.items()}
    return matter(by_path(to_json(build(TrainSettings, given).resolved())))


def test_what_is_set_aside_is_a_setting_and_makes_no_difference() -> None:
    known = flatten(TrainSettings())
    assert set(ASIDE) <= known.keys()
    assert values(run__seed=3, run__threads=1, run__keep_rollouts=0) == values()
    assert SEED not in values()


def test_another_setting_makes_another_digest() -> None:
    assert digest(values(rewards__price=0.2)) != digest(values(rewards__price=0.3))
    assert digest(values(rewards__price=0.2)) == digest(values(rewards__price=0.2, run__seed=5))


def test_what_differs_from_the_defaults() -> None:
    assert varied(values()) == {}
    found = values(grpo__shaper="paper", grpo__shaper_params={"theta": 0.3})
    assert varied(found) == {"grpo.shaper": "paper", "grpo.shaper_params.theta": 0.3}


def test_old_settings_are_filled_up_and_the_embedded_model_is_the_same_everywhere() -> None:
    assert matter({MODEL: "/elsewhere/agents/tiny/checkpoint", "grpo.lr": 8e-4}) == values()
    assert matter({MODEL: "/elsewhere/other"})[MODEL] == "/elsewhere/other"


def test_numbers_are_the_same_with_and_without_a_point() -> None:
    assert matter({"rewards.price": 0.0}) == matter({"rewards.price": 0})


def test_settings_that_differ() -> None:
    run, reference = values(rewards__price=0.2), values()
    assert differences(run, reference) == (Difference("rewards.price", 0.2, None),)
    assert differences(run, run) == ()


def test_a_setting_newer_than_a_reference_is_none_while_it_has_its_default() -> None:
    reference = values()
    del reference["grpo.beta"]
    assert differences(values(), reference) == ()
    run = values(grpo__beta=0.5)
    assert differences(run, reference) == (Difference("grpo.beta", 0.5, None),)


def test_a_setting_that_is_no_more_is_told() -> None:
    reference = {**values(), "grpo.former": 3}
    assert differences(values(), reference) == (Difference("grpo.former", None, 3),)


def test_another_training_is_refused() -> None:
    with pytest.raises(ConfigError, match="visionthink sft"):
        matter({"sft.lr": 1e-4})
