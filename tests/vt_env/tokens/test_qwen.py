"""Visual tokens, against the processors' own arithmetic."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt_env.errors import ConfigError, ImageError, UnknownNameError
from vt_env.images.views import ImageLimits, resample, shown_size, tokens_of
from vt_env.tokens import MAX_ASPECT_RATIO, block_family, fit_size, visual_tokens

side = st.integers(1, 6000)
sizes = st.tuples(side, side).filter(lambda s: max(s) <= MAX_ASPECT_RATIO * min(s))
QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
TILES = ("internvl", "llava_onevision")


def random_sizes(count: int, seed: int) -> list[tuple[int, int]]:
    """Sizes from tiny to huge, plain to elongated, log-uniform."""
    rng = random.Random(seed)
    found: list[tuple[int, int]] = []
    while len(found) < count:
        width, height = (int(2 ** rng.uniform(0, 13)) for _ in range(2))
        if max(width, height) <= MAX_ASPECT_RATIO * min(width, height):
            found.append((width, height))
    return found


@pytest.mark.parametrize("family", QWEN)
def test_sizes_equal_those_of_transformers(family: str) -> None:
    from agents.models.compat import prepare_imports

    prepare_imports()
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    rule = block_family(family)
    limits = [(None, None), (rule.block**2, 100 * rule.block**2), (200_704, 1_003_520)]
    for low, high in limits:
        for width, height in random_sizes(3000, seed=1):
            expected = smart_resize(
                height,
                width,
                factor=rule.block,
                min_pixels=rule.min_pixels if low is None else low,
                max_pixels=rule.max_pixels if high is None else high,
            )
            assert fit_size(family, width, height, low, high) == tuple(reversed(expected))


def test_tokens_equal_those_of_the_processor_itself() -> None:
    """Whole pictures through the Qwen2.5-VL processor: its grid, and no second resize of ours."""
    from agents.models.compat import prepare_imports

    prepare_imports()
    from PIL import Image
    from transformers import Qwen2VLImageProcessor

    low, high = 56 * 56, 28 * 28 * 64
    processor = Qwen2VLImageProcessor(min_pixels=low, max_pixels=high)
    limits = ImageLimits("qwen2_5_vl", low, high)
    rng = np.random.default_rng(0)
    for width, height in random_sizes(25, seed=2):
        if width * height > 2_000_000:
            continue
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for scale in (0.5, 1.0):
            shown = resample(image, shown_size(image.size, scale, limits))
            grid = processor(images=[shown], return_tensors="np")["image_grid_thw"]
            assert int(np.prod(grid)) // 4 == tokens_of(shown.size, limits)
        grid = processor(images=[image], return_tensors="np")["image_grid_thw"]
        assert visual_tokens("qwen2_5_vl", width, height, low, high) == int(np.prod(grid)) // 4


@pytest.mark.parametrize("family", QWEN)
@given(size=sizes)
def test_fit_size_keeps_its_promises(family: str, size: tuple[int, int]) -> None:
    rule = block_family(family)
    width, height = fit_size(family, *size)
    assert width % rule.block == height % rule.block == 0
    assert width >= rule.block
    assert height >= rule.block
    assert width * height >= rule.min_pixels
    assert visual_tokens(family, *size) == width * height // rule.block**2
    assert fit_size(family, size[1], size[0]) == (height, width)


@given(size=sizes, scale=st.floats(0.05, 1.0))
def test_a_shown_view_is_left_alone_by_the_processor(size: tuple[int, int], scale: float) -> None:
    """What we show is already a size that the processor keeps, so the count is exact."""
    limits = ImageLimits("qwen2_5_vl", 56 * 56, 1280 * 28 * 28)
    shown = shown_size(size, scale, limits)
    assert fit_size("qwen2_5_vl", *shown, limits.min_pixels, limits.max_pixels) == shown


@given(size=sizes, blocks=st.integers(4, 300), factor=st.floats(4.0, 100.0))
def test_limits_four_times_apart_always_settle(
    size: tuple[int, int], blocks: int, factor: float
) -> None:
    low = blocks * 28 * 28
    limits = ImageLimits("qwen2_5_vl", low, round(low * factor))
    shown = shown_size(size, 1.0, limits)
    assert fit_size("qwen2_5_vl", *shown, limits.min_pixels, limits.max_pixels) == shown


def test_limits_without_a_size_between_them_are_refused() -> None:
    limits = ImageLimits("qwen2_5_vl", 100 * 784, 100 * 784)
    assert shown_size((500, 500), 1.0, limits) == (280, 280)
    with pytest.raises(ConfigError, match="too close together for an image of 160x90"):
        shown_size((160, 90), 1.0, limits)
    with pytest.raises(ImageError, match="201x1 pixels are too elongated"):
        shown_size((201, 1), 1.0, limits)


def test_internvl_counts_equal_those_of_transformers() -> None:
    from agents.models.compat import prepare_imports

    prepare_imports()
    from transformers import GotOcr2ImageProcessor

    processor = GotOcr2ImageProcessor(size={"height": 448, "width": 448}, crop_to_patches=True)
    for most in (1, 6, 12, 40):
        for width, height in random_sizes(2000, seed=3):
            settings = {"min_patches": 1, "max_patches": most}
            tiles = processor.get_number_of_image_patches(height, width, settings)
            assert visual_tokens("internvl", width, height, max_tiles=most) == 256 * tiles
    assert visual_tokens("internvl", 640, 480) == 256 * 13


def test_llava_onevision_counts_equal_those_of_transformers() -> None:
    from types import SimpleNamespace

    from agents.models.compat import prepare_imports

    prepare_imports()
    from transformers import LlavaOnevisionImageProcessor, LlavaOnevisionProcessor

    count = LlavaOnevisionProcessor._get_number_of_features
    for most in (4, 9):
        settings = SimpleNamespace(
            image_processor=LlavaOnevisionImageProcessor(),
            num_image_tokens=729,
            vision_aspect_ratio=f"anyres_max_{most}",
        )
        settings._get_unpadded_features = LlavaOnevisionProcessor._get_unpadded_features.__get__(
            settings
        )
        for width, height in random_sizes(2000, seed=4):
            expected = count(settings, height, width, 384, 384)
            assert visual_tokens("llava_onevision", width, height, max_tiles=most) == expected


@pytest.mark.parametrize("family", TILES)
@given(size=sizes)
def test_views_of_tile_families_rise_with_the_scale(family: str, size: tuple[int, int]) -> None:
    limits = ImageLimits(family)
    counts = [tokens_of(shown_size(size, scale, limits), limits) for scale in (0.25, 0.5, 1.0)]
    assert min(counts) >= 1
    if family == "internvl":
        assert counts == sorted(counts)
        shown = shown_size(size, 1.0, limits)
        assert shown_size(shown, 1.0, limits) == shown  # the processor leaves our view alone
    else:
        assert counts[0] <= counts[2] * 1.5 + 27  # interpolation makes a large grid cheaper
    assert tokens_of(shown_size(size, 0.5, limits), limits) == visual_tokens(
        family, *shown_size(size, 0.5, limits)
    )


@pytest.mark.parametrize("family", TILES)
def test_limits_of_tile_families(family: str) -> None:
    with pytest.raises(ConfigError, match="max_pixels do not apply"):
        ImageLimits(family, max_pixels=10**6)
    with pytest.raises(ConfigError, match="max_pixels do not apply"):
        visual_tokens(family, 10, 10, min_pixels=1)
    with pytest.raises(ConfigError, match="max_tiles must be at least 1"):
        visual_tokens(family, 10, 10, max_tiles=0)
    with pytest.raises(ConfigError, match="has no area"):
        visual_tokens(family, 0, 10)
    with pytest.raises(ConfigError, match="max_tiles does not apply"):
        visual_tokens("qwen2_5_vl", 10, 10, max_tiles=3)


def test_known_counts() -> None:
    assert visual_tokens("qwen2_5_vl", 168, 168) == 36
    assert visual_tokens("qwen2_5_vl", 84, 84) == 9
    assert visual_tokens("qwen2_5_vl", 1, 1) == 4  # enlarged to 56 x 56
    assert visual_tokens("qwen2_5_vl", 10_000, 10_000) <= 1280


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-1, 5), (201, 1), (3, 700)])
def test_impossible_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(ConfigError, match=f"{width}x{height}"):
        fit_size("qwen2_5_vl", width, height)


def test_unknown_family() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'qwen2_5_vl'"):
        visual_tokens("qwen2.5_vl", 10, 10)


@pytest.mark.parametrize("family", QWEN)
def test_impossible_limits_are_refused(family: str) -> None:
    with pytest.raises(ConfigError, match="min_pixels"):
        ImageLimits(family, 10_000, 5_000)
    with pytest.raises(ConfigError, match="min_pixels"):
        ImageLimits(family, 0, 500_000)
    with pytest.raises(ConfigError, match="max_pixels"):
        ImageLimits(family, 1, 100)
