"""What a space holds goes through JSON and comes back; what it does not hold is refused by name."""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence

from vt_env.adapters.gymnasium_json import PNG, SpaceError, from_json, plain, png, schema, to_json
from vt_env.spaces import ImageSpace, UnicodeText

SPACES: tuple[gymnasium.Space[Any], ...] = (
    spaces.Discrete(3, start=-1),
    spaces.MultiDiscrete([2, 5]),
    spaces.MultiBinary((2, 3)),
    spaces.Box(-np.inf, np.inf, (2, 2), np.float32),
    spaces.Box(-1, 1, (), np.float64),
    spaces.Box(0, 255, (4, 5, 3), np.uint8),
    spaces.Box(0, 255, (4, 5, 1), np.uint8),
    spaces.Box(0, 255, (4, 5, 4), np.uint8),
    spaces.Box(0, 255, (3, 4, 5), np.uint8),  # no layout of an image: numbers
    spaces.Box(-5, 5, (3,), np.int64),
    spaces.Text(8),
    spaces.Tuple((spaces.Discrete(2), spaces.Text(3))),
    spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Dict({"c": spaces.MultiBinary(2)})}),
    spaces.Sequence(spaces.Discrete(4)),
    ImageSpace(),
    UnicodeText(("yes",)),
)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_a_space_holds_comes_back_from_json(space: gymnasium.Space[Any]) -> None:
    space.seed(3)
    for _ in range(5):
        value = space.sample()
        told = json.loads(json.dumps(to_json(space, value), allow_nan=False))
        back = from_json(space, told)
        assert space.contains(back)
        assert data_equivalence(back, value)


def test_numbers_that_json_has_none_for() -> None:
    space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    value = np.array([np.inf, -np.inf, 0.1], np.float32)
    told = to_json(space, value)
    assert told == ["inf", "-inf", float(np.float32(0.1))]
    assert from_json(space, told).tolist() == value.tolist()
    assert plain(float("nan")) == "nan"


def test_an_image_keeps_every_pixel() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    told = png(noise)
    assert told.startswith(PNG)
    assert np.array_equal(from_json(ImageSpace(), told), noise)


@pytest.mark.parametrize(
    ("space", "told", "problem"),
    [
        (spaces.Discrete(2), 2, "value: 2 is not in Discrete(2)"),
        (spaces.Discrete(2), True, "whole number"),
        (spaces.Discrete(2), "1", "whole number"),
        (spaces.Discrete(2), 1.0, "whole number"),
        (spaces.MultiDiscrete([2, 2]), [0, 0.5], "whole numbers"),
        (spaces.MultiBinary(2), [0, 257], "does not fit int8"),
        (spaces.Box(0, 1, (2,)), [0.5], "is not in Box"),
        (spaces.Box(0, 1, (2,)), [0.5, None], "numbers are wanted"),
        (spaces.Box(0, 1, (2,)), [[0.5], 1], "inhomogeneous"),
        (spaces.Box(0, 255, (2, 2, 3), np.uint8), PNG + "AAAA", "no PNG"),
        (spaces.Text(2), "abc", "is not in Text"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2))), [0], "a list of 2"),
        (spaces.Tuple((spaces.Discrete(2),)), [5], r"value[0]: 5 is not in"),
        (spaces.Dict({"a": spaces.Discrete(2)}), {"b": 0}, "['a'] are missing and ['b'] are not"),
        (spaces.Dict({"a": spaces.Discrete(2)}), {"a": 7}, "value.a: 7 is not in"),
        (spaces.Dict({"a": spaces.Discrete(2)}), [0], "an object with a"),
    ],
)
def test_what_a_space_does_not_hold_is_refused(
    space: gymnasium.Space[Any], told: object, problem: str
) -> None:
    with pytest.raises(SpaceError) as error:
        from_json(space, told)
    assert problem in str(error.value)


def test_an_info_becomes_json_whatever_it_holds() -> None:
    info = {"a": np.float32(0.5), "b": (np.arange(2), {3}), 4: object, "c": np.bool_(True)}
    told = plain(info)
    assert json.loads(json.dumps(told)) == told
    assert told["a"] == 0.5 and told["b"] == [[0, 1], [3]] and told["c"] is True
    assert told["4"] == str(object)


def test_a_schema_says_what_is_wanted() -> None:
    told = schema(SPACES[12])
    assert told["properties"]["a"]["maximum"] == 1
    assert told["properties"]["b"]["properties"]["c"]["maxItems"] == 2
    assert told["required"] == ["a", "b"]
    assert schema(SPACES[0])["minimum"] == -1
    assert schema(SPACES[5])["pattern"] == f"^{PNG}"
    assert schema(SPACES[4])["type"] == ["number", "string"]
    assert schema(SPACES[10])["maxLength"] == 8
    assert schema(SPACES[11])["prefixItems"][1]["type"] == "string"
    assert "ImageSpace" in schema(SPACES[14])["description"]
