"""Every token family keeps the contract, those of one's own too."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

import vt_env
from tests.vt_env.tokens.contract import TokenFamilyContract
from vt_env.checkpoints import read_checkpoint
from vt_env.errors import ConfigError, RegistryError, UnknownNameError
from vt_env.images.views import ImageLimits
from vt_env.tokens import (
    TOKEN_FAMILIES,
    BlockFamily,
    PixelLimits,
    Size,
    block_family,
    token_family,
)
from vt_env.tokens.family import check_area, refuse_limits

EDGES = {"size": {"shortest_edge": 65536, "longest_edge": 16777216}}


class TestQwen2VL(TokenFamilyContract):
    name = "qwen2_vl"
    processor: ClassVar = {"min_pixels": 3136, "max_pixels": 12845056}


class TestQwen25VL(TokenFamilyContract):
    name = "qwen2_5_vl"
    processor: ClassVar = {"min_pixels": 3136, "max_pixels": 12845056}


class TestQwen3VL(TokenFamilyContract):
    name = "qwen3_vl"
    processor: ClassVar = EDGES


class TestInternVL(TokenFamilyContract):
    name = "internvl"
    processor: ClassVar = {"max_patches": 12}


class TestLlavaOneVision(TokenFamilyContract):
    name = "llava_onevision"
    processor: ClassVar = {"vision_aspect_ratio": "anyres_max_9"}


class Fixed:
    """A family of one's own: it derives from nothing, and whatever it sees is a square."""

    def check(self, limits: PixelLimits) -> None:
        if (limits.min_pixels, limits.max_pixels) != (None, None):
            raise ConfigError("min_pixels and max_pixels do not apply: images are squares.")

    def view_size(self, original: Size, scale: float, limits: PixelLimits) -> Size:
        side = max(16, round(336 * scale))
        return side, side

    def tokens(self, size: Size) -> int:
        return max(1, size[0] // 16) ** 2

    def count(self, size: Size, **limits: int | None) -> int:
        refuse_limits(limits, ("none",))
        check_area(size)
        return self.tokens((size[0], size[0]))

    def read_processor(self, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        if settings.get("crop_size", 336) != 336:
            raise ConfigError(f"crop_size is {settings['crop_size']!r}, not 336.")


@pytest.fixture(scope="module")
def fixed() -> Iterator[None]:
    TOKEN_FAMILIES.register("fixed_vl", Fixed())
    yield
    TOKEN_FAMILIES.remove("fixed_vl")


@pytest.mark.usefixtures("fixed")
class TestOnesOwn(TokenFamilyContract):
    name = "fixed_vl"
    processor: ClassVar = {"crop_size": 336}


@pytest.mark.usefixtures("fixed")
def test_a_family_of_ones_own_says_which_limits_and_processors_it_takes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="images are squares"):
        vt_env.make(token_family="fixed_vl", max_pixels=10_000)
    (tmp_path / "config.json").write_text('{"model_type": "fixed_vl"}')
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"crop_size": 224}))
    with pytest.raises(ConfigError, match="crop_size is 224, not 336") as caught:
        read_checkpoint(tmp_path)
    assert str(file) in str(caught.value)


def test_a_family_is_found_by_where_it_is() -> None:
    limits = ImageLimits(f"{__name__}:FIXED")
    assert token_family(limits.token_family) is FIXED


FIXED = Fixed()


def test_every_family_has_a_contract_suite() -> None:
    covered = {suite.name for suite in TokenFamilyContract.__subclasses__()}
    assert set(TOKEN_FAMILIES) <= covered


def test_what_is_no_family_is_refused() -> None:
    for entry in (Fixed, 3, object()):
        with pytest.raises(RegistryError, match="a TokenFamily, with view_size and tokens"):
            TOKEN_FAMILIES.register("other", entry)
    with pytest.raises(RegistryError, match="registered already"):
        TOKEN_FAMILIES.register("internvl", FIXED)
    with pytest.raises(UnknownNameError, match="Did you mean 'internvl'"):
        vt_env.make(token_family="intern_vl")
    with pytest.raises(UnknownNameError, match="of any resolution"):
        block_family("internvl")
    assert isinstance(block_family("qwen3_vl"), BlockFamily)
