"""`VisionThink-v0`: when is the sharper image worth its price? A Gymnasium environment.

Importing this package registers the environment and loads no torch, ray, vllm or transformers::

    import vt_env
    env = vt_env.make("VisionThink-v0")           # or gymnasium.make("vt_env:VisionThink-v0")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from judges import load_plugins
from vt_env.checkpoints import (
    Checkpoint,
    PlayDefaults,
    image_limits,
    read_checkpoint,
    write_defaults,
)
from vt_env.data.load import DATASETS, load_dataset
from vt_env.data.row_formats import ROW_FORMATS
from vt_env.data.schemas import SCHEMAS
from vt_env.discrete import VisionThinkDiscreteEnv
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending, Episode, EpisodeConfig, Message, Observation, Transition
from vt_env.errors import (
    ConfigError,
    DataError,
    DatasetError,
    ImageError,
    LadderWarning,
    ParameterError,
    PluginError,
    RegistryError,
    UnknownNameError,
    UnknownSettingError,
    VisionThinkError,
)
from vt_env.factory import EpisodeFactory
from vt_env.images.views import FileImage, ImageLimits, MemoryImage
from vt_env.protocol import Answer, Crop, Malformed, Request, parse, to_text
from vt_env.rewards import REWARD_PRESETS, REWARD_TERMS, Outcome, RewardConfig, reward_config
from vt_env.samples import Dataset, Sample
from vt_env.shapers import GROUP_SHAPERS, group_shaper
from vt_env.tasks import SUITES, TASKS, World
from vt_env.templates import TEMPLATES, PromptTemplate, load_template
from vt_env.tokens import TOKEN_FAMILIES
from vt_env.tools import TOOLS
from vt_env.vector import VisionThinkVectorEnv

ENV_ID = "VisionThink-v0"
DISCRETE_ENV_ID = "VisionThinkDiscrete-v0"


def register() -> None:
    """Registers the environments with Gymnasium; does nothing when they are registered."""
    if DISCRETE_ENV_ID not in gymnasium.registry:
        gymnasium.register(DISCRETE_ENV_ID, entry_point="vt_env.discrete:VisionThinkDiscreteEnv")
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            ENV_ID,
            entry_point="vt_env.env:VisionThinkEnv",
            vector_entry_point="vt_env.vector:VisionThinkVectorEnv",
        )


def make(
    env_id: str = ENV_ID, *, plugins: Sequence[str] = (), **settings: Any
) -> gymnasium.Env[Any, Any]:
    """Makes a registered environment.

    Args:
        env_id: Its id: one of ours, or of a subclass that a plugin registers with Gymnasium.
        plugins: Modules of one's own that are imported first, for what they register; see
            `judges.load_plugins`.
        **settings: Those of its class.

    Raises:
        PluginError: If a plugin cannot be imported.
        UnknownNameError: If there is no such environment.
    """
    load_plugins(plugins)
    if env_id not in gymnasium.registry:
        raise UnknownNameError("environment", env_id, (ENV_ID, DISCRETE_ENV_ID))
    return gymnasium.make(env_id, **settings)


def open_env(env_id: str = ENV_ID, **settings: Any) -> VisionThinkEnv:
    """Makes a registered environment for an engine to play, without Gymnasium's wrappers.

    An engine plays many episodes at once, so it takes them from `VisionThinkEnv.factory` and calls
    neither `reset` nor `step`. What a subclass changes belongs into its `episode_class`.

    Raises:
        UnknownNameError: If there is no such environment.
        ConfigError: If it is no `VisionThinkEnv`, or has a `reset` or `step` of its own.
    """
    env = make(env_id, **settings).unwrapped
    if not isinstance(env, VisionThinkEnv):
        raise ConfigError(
            f"{env_id} must be a VisionThinkEnv or a subclass, got {type(env).__name__}."
        )
    for name in ("reset", "step"):
        if getattr(type(env), name) is not getattr(VisionThinkEnv, name):
            raise ConfigError(
                f"{type(env).__name__} has a {name} of its own, which engines do not call; put "
                "what it does into a subclass of Episode, and name that as the env's episode_class."
            )
    return env


register()

__all__ = [
    "DATASETS",
    "DISCRETE_ENV_ID",
    "ENV_ID",
    "GROUP_SHAPERS",
    "REWARD_PRESETS",
    "REWARD_TERMS",
    "ROW_FORMATS",
    "SCHEMAS",
    "SUITES",
    "TASKS",
    "TEMPLATES",
    "TOKEN_FAMILIES",
    "TOOLS",
    "Answer",
    "Checkpoint",
    "ConfigError",
    "Crop",
    "DataError",
    "Dataset",
    "DatasetError",
    "Ending",
    "Episode",
    "EpisodeConfig",
    "EpisodeFactory",
    "FileImage",
    "ImageError",
    "ImageLimits",
    "LadderWarning",
    "Malformed",
    "MemoryImage",
    "Message",
    "Observation",
    "Outcome",
    "ParameterError",
    "PlayDefaults",
    "PluginError",
    "PromptTemplate",
    "RegistryError",
    "Request",
    "RewardConfig",
    "Sample",
    "Transition",
    "UnknownNameError",
    "UnknownSettingError",
    "VisionThinkDiscreteEnv",
    "VisionThinkEnv",
    "VisionThinkError",
    "VisionThinkVectorEnv",
    "World",
    "group_shaper",
    "image_limits",
    "load_dataset",
    "load_template",
    "make",
    "open_env",
    "parse",
    "read_checkpoint",
    "register",
    "reward_config",
    "to_text",
    "write_defaults",
]
