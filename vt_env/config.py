"""Settings of the environment: the rules of an episode, and the names of its endings."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from vt_env.errors import ConfigError
from vt_env.images.limits import BOUNDS
from vt_env.images.views import ImageLimits
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.tools import Tool, tools_named

UNTAGGED_ANSWERS = ("malformed", "judge")
"""What becomes of a turn without answer tags: it is malformed, or its words are judged."""


class Ending(enum.StrEnum):
    """How an episode ended; each has a name, none is an exception."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    """The policy answered but the judge could not decide."""
    MALFORMED = "malformed"
    """The policy's turn was neither an answer nor a call."""
    TURN_LIMIT = "turn_limit"
    """The policy called a tool in its last turn."""
    TOO_LONG = "too_long"
    """The policy's turn exceeded ``max_action_chars``."""
    CUT_OFF = "cut_off"
    """Generation hit its token limit before the turn was over."""
    CONTEXT_LIMIT = "context_limit"
    """The conversation no longer fits the model's context."""


@dataclass(frozen=True)
class EpisodeRules:
    """The rules of an episode that hang on no model."""

    resolutions: tuple[float, ...] = setting(
        (0.5, 1.0),
        "Ladder of views as shares of each side of the full-resolution view, rising, the last one "
        "1. The paper's is 0.5,1: a quarter of the pixels, then all.",
        Numbers(0, 1, above=True),
    )
    max_turns: int = setting(2, "Turns that the policy has. (Paper: 2.)", Numbers(1, whole=True))
    tools: tuple[str, ...] = setting(
        ("resize",),
        "What the policy may call: resize (the whole image at a higher level of the ladder), crop "
        "(a part of the original), or tools of one's own. (Paper: resize.)",
    )
    invalid_call: str = setting(
        "feedback",
        "feedback: an invalid call gets a user turn with the error; end: it ends the episode.",
        ("feedback", "end"),
    )
    max_action_chars: int = setting(
        100_000, "Longest turn that is read, in characters.", Numbers(1, whole=True)
    )

    def __post_init__(self) -> None:
        check_fields(self)
        levels = self.resolutions
        rising = all(low < high for low, high in itertools.pairwise(levels))
        if not levels or levels[-1] != 1.0 or not rising:
            raise ConfigError(f"resolutions must rise from above 0 to exactly 1.0, got {levels}.")
        tools_named(self.tools)

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the policy may call."""
        return tools_named(self.tools)


@dataclass(frozen=True)
class EpisodeConfig(EpisodeRules):
    """The rules of an episode, for one model.

    Attributes:
        limits: Bounds on the images shown, and the token family that prices them.
        untagged_answer: ``"malformed"``: a turn that neither calls a tool nor answers between its
            tags ends the episode; ``"judge"``: what follows its thought is judged, and earns no
            format reward. (The published run: judge.)
    """

    limits: ImageLimits = field(default_factory=ImageLimits)
    untagged_answer: str = setting(
        "malformed", "What becomes of a turn with neither a call nor answer tags.", UNTAGGED_ANSWERS
    )


@dataclass(frozen=True)
class EnvSettings(EpisodeRules):
    """Settings of the environment; what is None is as the checkpoint or the rewards have it."""

    id: str = setting(
        "VisionThink-v0",
        "The environment: ours, or a subclass that a plugin registers with Gymnasium.",
    )
    params: Mapping[str, Any] = setting({}, "Settings of an environment of one's own, by name.")
    untagged_answer: str | None = setting(
        None,
        "Turns without a call or answer tags: malformed, or judge, which reads what follows the "
        "thought. None: judge with the reward preset paper, else malformed.",
        UNTAGGED_ANSWERS,
    )
    prompt: str | None = setting(
        None, "Prompt template: a name or a TOML file. None: the checkpoint's."
    )
    token_family: str | None = setting(
        None, "Whose visual tokens are counted. None: the checkpoint's."
    )
    min_pixels: int | None = setting(
        None, "Smallest area shown, in pixels. None: the checkpoint's.", Numbers(1)
    )
    max_pixels: int | None = setting(
        None, "Largest area shown, in pixels. None: the checkpoint's.", Numbers(1)
    )
    bounds: str | None = setting(
        None,
        "What the two hold for: each_view, or full_view before it is made smaller. None: the "
        "checkpoint's.",
        BOUNDS,
    )

    def given(self) -> dict[str, Any]:
        """The settings as `VisionThinkEnv` takes them; those left open are left out, and the id."""
        own = ("id", "params")
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        given = {k: v for k, v in values.items() if v is not None and k not in own}
        return given | dict(self.params)


@dataclass(frozen=True)
class JudgeSettings:
    """Who judges the answers."""

    name: str = setting("rule", "Judge of the answers.")
    params: Mapping[str, Any] = setting(
        {}, "Its settings by name, such as model and base_url of llm.", words="text"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if _names_key(self.params):
            raise ConfigError(
                "A run's settings are saved, so no key may be among them: put it into the "
                "environment, as OPENAI_API_KEY (AZURE_OPENAI_API_KEY for Azure)."
            )

    def given(self) -> dict[str, Any]:
        """The judge as `judges.make_judge` takes it."""
        return {"name": self.name, **self.params}


def _names_key(value: object) -> bool:
    """Whether settings of a judge, or of one behind it, name a key; they may be JSON as text."""
    if isinstance(value, Mapping):
        return "api_key" in value or any(map(_names_key, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_names_key, value))
    return isinstance(value, str) and '"api_key"' in value
