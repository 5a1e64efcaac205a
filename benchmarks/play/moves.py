"""What a person can ask for before answering, what it costs, and how it is written as a turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vt_env import ConfigError, Crop, Episode, VisionThinkError
from vt_env.rewards import token_cost
from vt_env.tools import Call, Refusal, Tool


class MoveError(VisionThinkError):
    """A move that cannot be made; the message is for the player, and no turn is spent."""


@dataclass(frozen=True)
class Move:
    """A tool that can be called now.

    Attributes:
        tool: Its name.
        about: What it does, in a sentence.
        takes_box: Whether a part of the image is to be chosen.
        price: What the call costs, in units of reward; None where that hangs on the box.
    """

    tool: str
    about: str
    takes_box: bool
    price: float | None


def moves(episode: Episode) -> tuple[Move, ...]:
    """The tools that a person can call now; none in the last turn, which is to be answered."""
    if episode.turn + 1 >= episode.config.max_turns:
        return ()
    found = []
    for tool in episode.config.offered:
        if tool.name == Crop.tool:
            found.append(Move(tool.name, tool.description, True, None))
            continue
        call = example_of(tool)
        target = tool.aim(call, episode.scene) if call is not None else None
        if target is None or isinstance(target, Refusal):
            continue
        tokens = tool.price(target, episode.config.limits)
        spent, full = episode.visual_tokens, episode.full_tokens
        price = token_cost(tokens, full, episode.rewards, before=spent)
        found.append(Move(tool.name, tool.description, False, price))
    return tuple(found)


def example_of(tool: Tool) -> Call | None:
    """A tool's example as a call; None where it leaves something to be filled in."""
    try:
        return tool.parse(json.loads(tool.example), "", None)
    except (ValueError, ConfigError):
        return None


def call_of(tool: Tool, box: Sequence[float] | None) -> Call:
    """A person's call of a tool.

    Raises:
        MoveError: If the box is none, or there is no box where there should be one.
    """
    call: Any
    try:
        call = Crop(tuple(box)) if tool.name == Crop.tool and box else example_of(tool)  # type: ignore[arg-type]
    except ConfigError as error:
        raise MoveError("Choose a part of the image that is not empty.") from error
    if call is None:
        raise MoveError("Choose a part of the image first.")
    return call  # type: ignore[no-any-return]


def call_text(tool: Tool, call: Call) -> str:
    """A turn that makes a call; also of a tool that is in no registry."""
    said = json.dumps({"name": tool.function, "arguments": tool.arguments(call)})
    return f"<think></think><tool_call>{said}</tool_call>"
