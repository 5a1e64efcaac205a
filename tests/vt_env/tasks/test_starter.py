"""The starter suite: the scenes that the shipped tiny model knows."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.images import ImageLimits, resample, shown_size
from vt_env.tasks import World
from vt_env.tasks.starter import (
    BAND_SHARES,
    CANVAS,
    DIRECTIONS,
    SIZES,
    STARTERS,
    draw_starter,
    draw_stripes,
)

LIMITS = ImageLimits("qwen2_5_vl")


def low(image: Image.Image) -> np.ndarray:
    """The low-resolution view, by the very resize that the environment uses."""
    return np.asarray(resample(image, shown_size(image.size, 0.5, LIMITS))).astype(int)


class FixedDirection(np.random.Generator):
    """A generator whose first choice is given; everything else is drawn as usual."""

    def __init__(self, seed: int, direction: str) -> None:
        super().__init__(np.random.PCG64(seed))
        self.direction = direction

    def choice(self, options, *args, **kwargs):  # type: ignore[no-untyped-def]
        drawn = super().choice(options, *args, **kwargs)
        return self.direction if tuple(options) == DIRECTIONS else drawn


@pytest.mark.parametrize("canvas", [CANVAS, 224])
def test_both_directions_of_stripes_look_the_same_at_low_resolution(canvas: int) -> None:
    worst = 0
    for seed in range(150):
        views = []
        for direction in DIRECTIONS:
            rng = FixedDirection(seed, direction)
            image = Image.new("RGB", (canvas, canvas), (240, 236, 228))
            x, y = (int(v) * canvas // 2 for v in rng.integers(0, 2, size=2))
            box = (x, y, x + canvas // 2, y + canvas // 2)
            (question,) = draw_stripes(image, box, rng)
            assert question.answer == direction
            views.append((np.asarray(image).astype(int), low(image)))
        (first, first_low), (second, second_low) = views
        assert np.abs(first - second).max() > 60  # plain to see at full resolution
        worst = max(worst, int(np.abs(first_low - second_low).max()))
    assert worst <= 1


def test_same_seed_same_bytes() -> None:
    """A digest: the suite may change only with the model that knows it."""
    digest = hashlib.sha256()
    for index in range(40):
        sample = World("validation", seed=3)[index]
        digest.update(sample.image.load().tobytes())
        digest.update(f"{sample.question}|{sample.answers}|{sample.needs_high_res}".encode())
    assert digest.hexdigest() == "61b5b9622b60441620f67517a066f150c9f9fe61dc8a301bf830a9ee3f4b2bae"


def test_every_family_and_band_comes_up_as_often_as_it_should() -> None:
    samples = [World("train")[i] for i in range(1500)]
    for family in STARTERS:
        share = np.mean([s.family == family for s in samples])
        assert abs(share - 1 / 3) < 0.05
    numbers = [s.needs_high_res for s in samples if s.family == "numbers"]
    for need, band in ((True, "need"), (None, "margin"), (False, "enough")):
        assert abs(np.mean([n is need for n in numbers]) - BAND_SHARES[band]) < 0.08
    assert {s.needs_high_res for s in samples if s.family == "stripes"} == {True}
    assert {s.needs_high_res for s in samples if s.family == "objects"} == {False}


def test_bands_do_not_touch() -> None:
    assert SIZES["need"][1] < SIZES["margin"][0]
    assert SIZES["margin"][1] < SIZES["enough"][0]


@pytest.mark.parametrize("canvas", [CANVAS, 224])
@pytest.mark.parametrize("family", sorted(STARTERS))
def test_elements_stay_inside_their_quadrant(family: str, canvas: int) -> None:
    half = canvas // 2
    for seed in range(60):
        image = Image.new("RGB", (canvas, canvas), "white")
        STARTERS[family](image, (half, 0, canvas, half), np.random.default_rng(seed))
        ink = np.asarray(image).min(axis=2) < 250
        assert ink.any()
        assert not ink[:, :half].any()
        assert not ink[half:, :].any()


def test_what_is_done_to_an_image_leaves_the_scene_alone() -> None:
    image = World("test")[3].image
    before = image.load().tobytes()
    image.load().paste("black", (0, 0, 50, 50))
    assert image.load().tobytes() == before


def test_there_is_no_generalisation_split() -> None:
    with pytest.raises(ConfigError, match="suite='mixed'"):
        World("generalisation")


def test_families_can_be_chosen() -> None:
    assert draw_starter(np.random.default_rng(0), CANVAS, ("stripes",)).family == "stripes"
    assert {World(families=("numbers",))[i].family for i in range(20)} == {"numbers"}
    with pytest.raises(UnknownNameError, match="Did you mean 'stripes'"):
        World(families=("stripe",))
    with pytest.raises(UnknownNameError, match="starter"):
        World(families=("maps",))
