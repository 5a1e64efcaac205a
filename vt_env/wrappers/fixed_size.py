"""`FixedSizeImage`: images of one size."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from PIL import Image

from vt_env.errors import ConfigError
from vt_env.images.views import Size, fixed_size

TextEnv = gymnasium.Env[dict[str, Any], str]


class FixedSizeImage(
    gymnasium.ObservationWrapper[dict[str, Any], str, dict[str, Any]],
    gymnasium.utils.RecordConstructorArgs,
):
    """Resizes the observed image to one size, so that observations can be stacked.

    The image that a model is shown in `Episode.messages`, and its price, stay what they are.

    Args:
        env: An env with the observation space of `VisionThinkEnv`.
        size: Width and height, in pixels.

    Raises:
        ConfigError: If a side is below 1 pixel.
    """

    def __init__(self, env: TextEnv, size: Size = (224, 224)) -> None:
        if min(size) < 1:
            raise ConfigError(f"size must be at least 1x1 pixels, got {size[0]}x{size[1]}.")
        gymnasium.utils.RecordConstructorArgs.__init__(self, size=size)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.size = size
        inner = env.observation_space
        assert isinstance(inner, spaces.Dict)
        image = spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)
        self.observation_space = spaces.Dict({**inner.spaces, "image": image})

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Resizes the image of an observation."""
        image = fixed_size(Image.fromarray(observation["image"]), self.size)
        return {**observation, "image": np.array(image, dtype=np.uint8)}
