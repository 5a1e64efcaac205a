"""`ServeSettings`: who is served, and how it may be asked."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field

from agents import most_images
from benchmarks.evaluation.candidates import POLICY, AgentSettings
from benchmarks.evaluation.play import PlaySettings
from vt_env import ConfigError
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

KEYS = ("new", "env", "none")
KEY_VARIABLE = "OPENAI_API_KEY"
KEY_PREFIX = "sk-"
"""How keys begin; some clients refuse others, such as VLMEvalKit."""


@dataclass(frozen=True)
class ServeSettings(PlaySettings):
    """Who is served, and how it may be asked."""

    agent: AgentSettings = field(default_factory=AgentSettings)
    name: str = setting("visionthink", "The model's name in requests.")
    key: str = setting(
        "new",
        f"Key that clients must show. new: one is made up and printed; env: that of "
        f"{KEY_VARIABLE}; none: whoever is on this machine may ask.",
        KEYS,
    )
    images: int | None = setting(
        None,
        "Most images of a conversation. None: as many as an episode by the rules of env can show.",
        Numbers(1),
    )
    batch: int = setting(64, "Most requests that are generated together.", Numbers(1))
    wait: float = setting(
        0.02,
        "Seconds that a request waits for another to be generated with; five times that in all.",
        Numbers(0, 10),
    )
    megabytes: float = setting(64.0, "Largest request, in megabytes.", Numbers(0, 4096, above=True))
    grace: float = setting(
        20.0, "Seconds that requests under way have to finish when it is stopped.", Numbers(0, 3600)
    )

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def serves_model(self) -> bool:
        """Whether it is the model of `engine` that answers, and no agent."""
        return self.agent.name == POLICY and not self.agent.params

    @property
    def most_images(self) -> int:
        """Most images of a conversation."""
        return self.images or most_images(self.env)

    @property
    def most_bytes(self) -> int:
        """Longest body of a request, in bytes."""
        return int(self.megabytes * 1e6)

    def made_key(self) -> str | None:
        """The key that clients must show; None where none is asked for.

        Raises:
            ConfigError: If it is to come from the environment, where there is none.
        """
        if self.key == "none":
            return None
        if self.key == "new":
            return KEY_PREFIX + secrets.token_urlsafe(24)
        found = os.environ.get(KEY_VARIABLE)
        if not found:
            raise ConfigError(f"key is env, but {KEY_VARIABLE} is not set.")
        return found
