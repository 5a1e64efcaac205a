"""Pixel bounds of every view and of the full view alone; the processor agrees with both."""

import functools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.vt_env.helpers import REQUEST, answer, memory_sample, new_episode, play
from tests.vt_env.tokens.test_qwen import random_sizes, sizes
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.images.views import ImageLimits, crop_size, resample, shown_size, tokens_of
from vt_env.protocol import Crop, to_text
from vt_env.tokens import fit_size

LEAST, MOST = 512 * 512, 2048 * 2048  # of the reference's loader
PUBLISHED = (56 * 56, 16384 * 28 * 28)  # of the published checkpoint's processor
FULL = ImageLimits("qwen2_5_vl", LEAST, MOST, "full_view", PUBLISHED)


def loaded(width: int, height: int) -> tuple[int, int]:
    """The size that the reference's loader gives an image before it halves it."""
    for bound, wrong in ((MOST, width * height > MOST), (LEAST, width * height < LEAST)):
        if wrong:
            factor = math.sqrt(bound / (width * height))
            width, height = int(width * factor), int(height * factor)
    return width, height


def processed(width: int, height: int) -> tuple[int, int]:
    """The size that transformers' own rule gives."""
    height, width = smart_resize()(height, width, 28, *PUBLISHED)
    return width, height


@functools.cache
def smart_resize() -> Callable[..., tuple[int, int]]:
    from agents.models.compat import prepare_imports

    prepare_imports()
    from transformers.models.qwen2_vl import image_processing_qwen2_vl

    return image_processing_qwen2_vl.smart_resize


def elongated(size: tuple[int, int]) -> bool:
    return max(size) > 200 * min(size)


@pytest.mark.parametrize("limits", [FULL, ImageLimits("qwen2_5_vl", LEAST, MOST, "full_view")])
def test_bounds_of_the_full_view_are_those_of_the_reference(limits: ImageLimits) -> None:
    """But for shapes that the processor would refuse to see again, which are shortened here."""
    compared = 0
    for size in random_sizes(5000, seed=5):
        width, height = loaded(*size)
        for scale, expected in ((1.0, (width, height)), (0.5, (width // 2, height // 2))):
            if elongated(expected) or elongated(processed(*expected)):
                continue
            compared += 1
            assert shown_size(size, scale, limits) == processed(*expected), size
    assert compared > 9800


def test_the_low_view_may_fall_below_the_bound_and_a_small_image_can_ask() -> None:
    each = ImageLimits("qwen2_5_vl", LEAST, MOST)
    assert [tokens_of(shown_size((300, 300), s, each), each) for s in (0.5, 1.0)] == [361, 361]
    assert [tokens_of(shown_size((300, 300), s, FULL), FULL) for s in (0.5, 1.0)] == [81, 324]
    vain = new_episode(memory_sample(300, 300), limits=each)
    play(vain, REQUEST, answer("x"))
    assert vain.problems == ["no_higher_resolution"]
    episode = new_episode(memory_sample(300, 300), limits=FULL)
    play(episode, REQUEST, answer("x"))
    assert episode.requested
    assert episode.visual_tokens == 81 + 324


@given(size=sizes, scale=st.floats(0.05, 1.0))
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
@pytest.mark.parametrize("bounds", [(None, None), (LEAST, MOST), (None, 300_000)])
def test_the_processor_leaves_every_view_alone(
    family: str,
    bounds: tuple[int | None, int | None],
    size: tuple[int, int],
    scale: float,
) -> None:
    limits = ImageLimits(family, *bounds, "full_view", PUBLISHED)
    shown = shown_size(size, scale, limits)
    assert fit_size(family, *shown, *PUBLISHED) == shown


def test_the_processor_itself_leaves_views_alone() -> None:
    from agents.models.compat import prepare_imports

    prepare_imports()
    from transformers import Qwen2VLImageProcessor

    processor = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 128)
    limits = ImageLimits("qwen2_5_vl", 40_000, 90_000, "full_view", (56 * 56, 28 * 28 * 128))
    rng = np.random.default_rng(0)
    for width, height in random_sizes(20, seed=6):
        if width * height > 1_000_000:
            continue
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for scale in (0.5, 1.0):
            shown = resample(image, shown_size(image.size, scale, limits))
            grid = processor(images=[shown], return_tensors="np")["image_grid_thw"]
            assert int(np.prod(grid)) // 4 == tokens_of(shown.size, limits)


def test_a_part_is_not_enlarged_to_the_full_views_least_area() -> None:
    assert crop_size((90, 60), FULL) == (84, 56)
    assert crop_size((90, 60), ImageLimits("qwen2_5_vl", LEAST, MOST)) == (644, 420)
    assert crop_size((9000, 6000), FULL) == shown_size((9000, 6000), 1.0, FULL)
    episode = new_episode(memory_sample(600, 600), limits=FULL, tools=("crop",))
    low = episode.visual_tokens
    play(episode, to_text(Crop((0, 0, 40, 30))))
    assert episode.visual_tokens - low == tokens_of(episode.observation.image.size, FULL) < 20


def test_what_the_bounds_are_without_a_checkpoint_and_with_the_published_one() -> None:
    """The figures of docs/environment.md."""
    alone, published = ImageLimits(), ImageLimits(processor=PUBLISHED)
    size = (2048, 1024)
    assert tokens_of(shown_size(size, 1.0, alone), alone) == 1250
    assert tokens_of(shown_size(size, 1.0, published), published) == 2701


def test_bounds_that_cannot_work_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'full_view'"):
        ImageLimits(bounds="fullview")
    with pytest.raises(ConfigError, match="bounds do not apply to 'internvl'"):
        ImageLimits("internvl", bounds="full_view")
    with pytest.raises(
        ConfigError, match=r"max_pixels \(20000000\) must lie in \[3136, 12845056\]"
    ):
        ImageLimits(max_pixels=20_000_000, processor=PUBLISHED)
    with pytest.raises(ConfigError, match="min_pixels \\(784\\)"):
        ImageLimits(min_pixels=784, processor=PUBLISHED, bounds="full_view")
    for wrong in ("many", 2.5, True):
        with pytest.raises(ConfigError, match="min_pixels is a whole number"):
            ImageLimits(min_pixels=wrong)  # type: ignore[arg-type]
