"""How a model is played by `train`, `eval`, `quality` and `label`: settings over its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from agents.backends import GenerationBackend, make_backend
from agents.engine import EngineSettings
from agents.models.checkpoints import playable
from vt_env.checkpoints import PlayDefaults
from vt_env.config import EnvSettings
from vt_env.errors import ConfigError

SHOWN = ("prompt", "min_pixels", "max_pixels", "bounds")
GENERATED = ("max_new_tokens", "max_model_len")
"""Settings of the environment and of the engine that a checkpoint answers where they are None."""


@dataclass(frozen=True)
class PlaySettings:
    """A model and how it is played; what is None is as its checkpoint has it."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    env: EnvSettings = field(default_factory=EnvSettings)

    def known(self) -> PlayDefaults:
        """The settings with the checkpoint's own where there were none.

        Raises:
            BackendError: If the model is no checkpoint that the engines can play.
            ConfigError: If a setting cannot work.
        """
        asked = {name: getattr(self.env, name) for name in SHOWN}
        asked |= {name: getattr(self.engine, name) for name in GENERATED}
        given = {name: value for name, value in asked.items() if value is not None}
        found = replace(playable(self.engine.model_dir).defaults, **given)
        if not 1 <= found.max_new_tokens < found.max_model_len:
            raise ConfigError(
                f"max_new_tokens must be at least 1 and less than max_model_len "
                f"({found.max_model_len}), which holds the prompt too; got {found.max_new_tokens}."
            )
        return found

    def resolved(self) -> PlaySettings:
        """The same with nothing left to the checkpoint."""
        used = self.known()
        return PlaySettings(
            replace(self.engine, **{name: getattr(used, name) for name in GENERATED}),
            replace(self.env, **{name: getattr(used, name) for name in SHOWN}),
        )

    def env_settings(self) -> dict[str, Any]:
        """Settings of an environment that shows images to this model."""
        return {"checkpoint": self.engine.model_dir, **self.env.given()}

    def backend(self, used: PlayDefaults) -> GenerationBackend:
        """Starts the engine.

        Args:
            used: From `known`.
        """
        engine = self.engine
        length = {"max_model_len": used.max_model_len}
        return make_backend(engine.backend, engine.model_dir, **length, **engine.backend_config)
