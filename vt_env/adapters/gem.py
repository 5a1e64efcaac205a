"""GEM 0.1: `GemEnv`, the `gem.Env` interface; GEM itself is needed by `register_gem` alone.

GEM's observations are texts, so images are in ``info["images"]``, and `IMAGE_MARK` stands in the
text where each belongs. https://github.com/axon-rl/gem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from vt_env import ENV_ID, open_env
from vt_env.episode import Message

GEM_ID = "visionthink:VisionThink-v0"
"""Id that `gem.make` takes after `register_gem`."""
IMAGE_MARK = "<image>"
"""Stands in an observation where an image is shown."""


class GemEnv:
    """The environment in GEM's form.

    Args:
        seed: Seed of the draws of samples until `reset` is given one; `gem.make_vec` gives each of
            its environments another.
        data_seed: ``seed`` of the dataset, which that of GEM hides; None: the dataset's own.
        id: Id of a subclass that is registered with Gymnasium.
        **settings: Those of `VisionThinkEnv`.

    Raises:
        ConfigError: If a setting cannot work.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        data_seed: int | None = None,
        id: str = ENV_ID,  # noqa: A002 - as the env's settings call it
        **settings: Any,
    ) -> None:
        self._settings = {"seed": seed, "data_seed": data_seed, "id": id, **settings}
        of_data = {} if data_seed is None else {"seed": data_seed}
        self._env = open_env(id, **settings, **of_data)
        self._seed: int | None = seed

    @property
    def unwrapped(self) -> GemEnv:
        """The environment without wrappers: itself."""
        return self

    def reset(
        self, seed: int | None = None, *, options: Mapping[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Seed of the draws from here on; None: they go on.
            options: ``{"index": int}`` or ``{"sample_id": str}`` choose the sample.

        Returns:
            What the policy is told, and the info: ``images``, and what `VisionThinkEnv` gives.
        """
        seed, self._seed = (self._seed if seed is None else seed), None
        _, info = self._env.reset(seed=seed, options=dict(options) if options else None)
        assert self._env.episode is not None
        return _told(self._env.episode.messages, info)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Takes the policy's turn.

        Returns:
            What it is told next (empty at the end), reward, terminated, truncated (always False)
            and the info: ``images`` holds those shown after this turn.
        """
        _, reward, terminated, truncated, info = self._env.step(action)
        assert self._env.episode is not None
        told = [] if terminated else self._env.episode.messages[-1:]
        text, info = _told(told, info)
        return text, reward, terminated, truncated, info

    def sample_random_action(self) -> str:
        """A turn drawn at random, half of them in the protocol."""
        return str(self._env.action_space.sample())

    def spawn(self, same_state: bool = False, **settings: Any) -> GemEnv:
        """Another environment with the same settings.

        Args:
            same_state: Whether it is where this one is: the episode under way, turn for turn, and
                the draws to come.
            **settings: Settings that are to differ; with `same_state` the episode is played again
                under them.
        """
        other = GemEnv(**{**self._settings, **settings})
        if same_state:
            other._follow(self)
        return other

    def close(self) -> None:
        """Closes the environment."""
        self._env.close()

    def _follow(self, first: GemEnv) -> None:
        mine, theirs = self._env, first._env
        self._seed = first._seed
        if theirs.episode is not None:
            mine.reset(options={"sample_id": theirs.episode.sample.sample_id})
            for turn in theirs.episode.turns:
                mine.step(turn)
        mine.np_random.bit_generator.state = theirs.np_random.bit_generator.state


def register_gem(env_id: str = GEM_ID, **settings: Any) -> None:
    """Registers the environment with GEM, and makes it one of `gem.Env`'s.

    Args:
        env_id: What `gem.make` is to call it.
        **settings: Those that are not told to `gem.make`.

    Raises:
        ValueError: If GEM has an environment of that name.
        ImportError: If gem-llm is not installed.
    """
    import gem

    gem.Env.register(GemEnv)
    gem.register(env_id, GemEnv, **settings)


def _told(messages: Sequence[Message], info: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What messages say, a line each, and the info with their images."""
    texts = [
        "".join(part if isinstance(part, str) else f"{IMAGE_MARK}\n" for part in message.content)
        for message in messages
    ]
    shown = [p for message in messages for p in message.content if isinstance(p, Image.Image)]
    return "\n".join(texts), {**info, "images": shown}
