"""The two spaces that Gymnasium lacks."""

import copy
import json
import pickle

import numpy as np
import pytest
from gymnasium.vector.utils import batch_space
from hypothesis import given
from hypothesis import strategies as st

from vt_env.spaces import ImageSpace, UnicodeText


@given(st.text(alphabet=st.characters(), max_size=50))
def test_text_space_contains_every_string(text: str) -> None:
    assert text in UnicodeText()


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "\U0010ffff", "a" * 10**6, np.str_("a")])
def test_text_space_contains_odd_strings(text: str) -> None:
    assert text in UnicodeText()


@pytest.mark.parametrize("value", [None, b"a", 1, ["a"], np.array("a")])
def test_text_space_contains_nothing_else(value: object) -> None:
    assert value not in UnicodeText()


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 900, 3), (600, 2, 3)])
def test_image_space_contains_images_of_any_size(shape: tuple[int, ...]) -> None:
    assert np.zeros(shape, np.uint8) in ImageSpace()


@pytest.mark.parametrize(
    "value",
    [
        None,
        [[[0, 0, 0]]],
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_image_space_contains_nothing_else(value: object) -> None:
    assert value not in ImageSpace()


@pytest.mark.parametrize("space", [ImageSpace(), UnicodeText(), UnicodeText(("yes", "no"))])
class TestContract:
    """What Gymnasium asks of every space."""

    def test_samples_are_members(self, space: ImageSpace | UnicodeText) -> None:
        space.seed(0)
        for _ in range(200):
            sample = space.sample()
            assert sample in space
            if isinstance(sample, str):
                sample.encode("utf-8")

    def test_seeded_samples_repeat(self, space: ImageSpace | UnicodeText) -> None:
        space.seed(3)
        first = [space.sample() for _ in range(20)]
        space.seed(3)
        second = [space.sample() for _ in range(20)]
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        assert any(not np.array_equal(first[0], other) for other in first)

    def test_copies_and_pickles_are_equal(self, space: ImageSpace | UnicodeText) -> None:
        for other in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
            assert other == space
            assert hash(other) == hash(space)
            assert repr(other) == repr(space)

    def test_json_round_trip(self, space: ImageSpace | UnicodeText) -> None:
        samples = [space.sample() for _ in range(5)]
        text = json.dumps(space.to_jsonable(samples))  # type: ignore[arg-type]
        back = space.from_jsonable(json.loads(text))
        assert all(np.array_equal(a, np.asarray(b)) for a, b in zip(samples, back, strict=True))

    def test_batching_and_masks(self, space: ImageSpace | UnicodeText) -> None:
        batched = batch_space(space, 3)
        assert batched.sample() in batched
        assert not space.is_np_flattenable
        with pytest.raises(ValueError, match="mask"):
            space.sample(mask=np.ones(1))  # type: ignore[arg-type]


def test_different_spaces_differ() -> None:
    assert ImageSpace() != UnicodeText()
    assert UnicodeText(("a",)) == UnicodeText()


def test_phrases_are_drawn_half_of_the_time() -> None:
    space = UnicodeText(("yes",), seed=0)
    share = sum(space.sample() == "yes" for _ in range(1000)) / 1000
    assert 0.4 < share < 0.6
