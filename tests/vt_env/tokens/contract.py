"""What every token family promises; a family's test class inherits it."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

import vt_env
from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.checkpoints import read_checkpoint
from vt_env.errors import ConfigError
from vt_env.images.views import ImageLimits, shown_size, tokens_of
from vt_env.tokens import TOKEN_FAMILIES, TokenFamily, token_family, visual_tokens

SIZES = ((1, 1), (84, 84), (640, 480), (31, 6200), (3000, 2000), (5000, 40))


class TokenFamilyContract:
    """Set `name`, and what a checkpoint of the family says of its image processor."""

    name: ClassVar[str]
    processor: ClassVar[dict[str, Any]]

    @property
    def family(self) -> TokenFamily:
        return token_family(self.name)

    def test_it_is_a_token_family_that_is_known_by_its_name(self) -> None:
        assert isinstance(self.family, TokenFamily)
        assert TOKEN_FAMILIES[self.name] is self.family

    @pytest.mark.parametrize("size", SIZES)
    def test_a_view_counts_as_the_processor_counts_it(self, size: tuple[int, int]) -> None:
        limits = ImageLimits(self.name)
        for scale in (0.25, 0.5, 1.0):
            shown = shown_size(size, scale, limits)
            tokens = tokens_of(shown, limits)
            assert tokens == visual_tokens(self.name, *shown) == self.family.tokens(shown)
            assert tokens >= 1
            assert all(isinstance(number, int) for number in (*shown, tokens))

    def test_images_without_area_and_foreign_limits_are_refused(self) -> None:
        for size in ((0, 10), (10, 0), (-1, 5)):
            with pytest.raises(ConfigError, match="has no area"):
                visual_tokens(self.name, *size)
        with pytest.raises(ConfigError, match="most_pixels does not apply"):
            self.family.count((10, 10), most_pixels=5)
        assert visual_tokens(self.name, 640, 480, max_pixels=None, max_tiles=None) >= 1

    def test_it_prices_an_episode(self) -> None:
        data = ListDataset((memory_sample(1000, 700),))
        env = vt_env.make(data=data, token_family=self.name)
        observation, info = env.reset(seed=0)
        limits = ImageLimits(self.name)
        low, full = (shown_size((1000, 700), scale, limits) for scale in (0.5, 1.0))
        assert observation["image"].shape == (*low[::-1], 3)
        assert info["visual_tokens"] == tokens_of(low, limits)
        assert info["full_tokens"] == tokens_of(full, limits)

    def test_a_checkpoint_of_it_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": self.name}))
        file = tmp_path / "preprocessor_config.json"
        file.write_text(json.dumps(self.processor))
        found = read_checkpoint(tmp_path)
        assert found.token_family == self.name
        assert found.processor == self.family.read_processor(self.processor, {})
        image = Image.fromarray(np.zeros((300, 400, 3), np.uint8))
        assert tokens_of(shown_size(image.size, 1.0, found.limits()), found.limits()) >= 1
