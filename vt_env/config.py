"""`EpisodeConfig`: the rules of an episode, and the names of its endings."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.images.views import ImageLimits
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
class EpisodeConfig:
    """The rules of an episode.

    Attributes:
        resolutions: Ladder of views as shares of each side of the full-resolution view, rising,
            the last one 1.0. (0.5, 1.0) is the paper's: a quarter of the pixels, then all.
        max_turns: Turns that the policy has, at least 1. (Paper: 2.)
        limits: Bounds on the images shown, and the token family that prices them.
        invalid_call: ``"feedback"``: an invalid call gets a user turn with the error;
            ``"end"``: it ends the episode.
        max_action_chars: Longest turn that is read, in characters.
        tools: What the policy may call, names in `vt_env.tools.TOOLS`. (Paper: resize alone.)
        untagged_answer: ``"malformed"``: a turn that neither calls a tool nor answers between its
            tags ends the episode; ``"judge"``: what follows its thought is judged, and earns no
            format reward. (The published run: judge.)
    """

    resolutions: tuple[float, ...] = (0.5, 1.0)
    max_turns: int = 2
    limits: ImageLimits = field(default_factory=ImageLimits)
    invalid_call: str = "feedback"
    max_action_chars: int = 100_000
    tools: tuple[str, ...] = ("resize",)
    untagged_answer: str = "malformed"

    def __post_init__(self) -> None:
        levels = self.resolutions
        if not all(isinstance(level, int | float) for level in levels):
            raise ConfigError(f"resolutions are numbers, got {levels}.")
        for name in ("max_turns", "max_action_chars"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{name} is an integer from 1 up, got {value!r}.")
        rising = all(low < high for low, high in itertools.pairwise(levels))
        if not levels or levels[-1] != 1.0 or not rising or levels[0] <= 0:
            raise ConfigError(f"resolutions must rise from above 0 to exactly 1.0, got {levels}.")
        if self.invalid_call not in ("feedback", "end"):
            raise ConfigError(f"invalid_call is 'feedback' or 'end', got {self.invalid_call!r}.")
        if self.untagged_answer not in UNTAGGED_ANSWERS:
            raise UnknownNameError("untagged_answer", str(self.untagged_answer), UNTAGGED_ANSWERS)
        tools_named(self.tools)

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the policy may call."""
        return tools_named(self.tools)
