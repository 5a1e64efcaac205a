"""verl 0.9 in an environment of its own: our loop with the embedded model for a server."""

import json
from typing import Any

import pytest

from tests.homes.venvs import run_in

pytestmark = [pytest.mark.slow, pytest.mark.homes, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `play_verl` saw; tokens, masks and images were checked where the model was at hand."""
    cache = str(tmp_path_factory.mktemp("hf"))
    told = run_in(
        "verl", "-m", "tests.homes.play_verl", seconds=1800, HF_HOME=cache, HF_HUB_OFFLINE="1"
    )
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def test_episodes_are_ours_and_log_probs_are_the_models(found: dict[str, Any]) -> None:
    play = found["play"]
    assert play["worst"] < 1e-4
    assert play["two_images"] > 0
    assert play["one_image"] > 0
    assert set(play["turns"]) >= {2, 4}
    assert {"reward_accuracy", "reward_format", "reward_token_cost", "requested"} <= set(
        play["names"]
    )
    assert play["correct"] > 0


def test_an_image_that_the_response_length_would_cut_is_named_and_not_begun(
    found: dict[str, Any],
) -> None:
    traps = found["traps"]
    assert traps["cut"] == [0, 1, 0, 0]
    assert traps["images"] == [2, 1, 2, 1]
    assert traps["lengths"] == [True, True]


def test_a_placeholder_that_the_policy_writes_is_dropped_and_named(found: dict[str, Any]) -> None:
    traps = found["traps"]
    assert traps["placeholder"] == [0, 0, 0, 1]
    assert traps["pads"] == 0
    assert traps["refused"].startswith("Image tokens in the stream: [2, 1]; of its images: [2, 3].")


def test_the_tool_shows_what_the_environment_shows(found: dict[str, Any]) -> None:
    tool = found["tool"]
    assert (tool["name"], tool["alike"], tool["said"]) == ("resize_image", True, "Answer now.")
    assert tool["tokens"]
    assert tool["paid"][0] == tool["paid"][1] == tool["paid"][2] < 0
    text, none = tool["refused"]
    assert none
    assert "resize_image takes" in text
