r"""The words of the episode: what a policy's text means, and how an action is written.

A turn is either a direct answer or one call of a tool (VisionThink, arXiv 2507.13348, section 3)::

    <think> … </think> … <answer> … </answer>
    <think> … </think> … <tool_call>
    {"name": "resize_image", "arguments": {"action": "resize"}}
    </tool_call>

Only what follows the thought counts: a thought may name the tags, or hold a whole answer, as it
may hold any other words. `parse` never raises and takes time linear in the length of the text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vt_env.errors import ConfigError

THINK, ANSWER, CALL = "think", "answer", "tool_call"
RESIZE_TOOL, CROP_TOOL = "resize_image", "crop_image"
_TAGS = {tag: (f"<{tag}>", f"</{tag}>") for tag in (THINK, ANSWER, CALL)}
MAX_CALL_CHARS = 4096
"""A call's JSON longer than this is malformed; it bounds the work of the JSON parser."""
MAX_THOUGHTS = 64
"""So many thoughts of a turn are told apart; it bounds the work of matching their tags."""


class _Understood:
    """A turn that can be carried out, whether or not it keeps the format."""

    problem: str | None

    @property
    def well_formed(self) -> bool:
        """True when the whole turn keeps the format."""
        return self.problem is None

    def _check_text(self, name: str, value: object) -> None:
        if not isinstance(value, str):
            raise ConfigError(f"{type(self).__name__}: {name} is a text, got {value!r}.")


@dataclass(frozen=True)
class Answer(_Understood):
    """A direct answer.

    Attributes:
        text: The answer without tags, stripped.
        thought: What stood in the think tags, stripped.
        well_formed: True when the whole turn keeps the format.
        problem: Name of the first fault when not well formed, else None.

    Raises:
        ConfigError: If `text` or `thought` is no text.
    """

    text: str
    thought: str = ""
    problem: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        self._check_text("text", self.text)
        self._check_text("thought", self.thought)


@dataclass(frozen=True)
class Request(_Understood):
    """A call for the image at a higher resolution.

    Attributes:
        scale: Share of each original side that is asked for, in (0, 1]; None: the next level up.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.

    Raises:
        ConfigError: If `scale` is no such number, or `thought` no text.
    """

    scale: float | None = None
    thought: str = ""
    problem: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.scale is not None and not _is_scale(self.scale):
            hint = ' A thought is given by name: Request(thought="…").'
            raise ConfigError(
                f"Request: scale is a number above 0 and at most 1, or None, got {self.scale!r}."
                + hint * isinstance(self.scale, str)
            )
        self._check_text("thought", self.thought)


@dataclass(frozen=True)
class Crop(_Understood):
    """A call for a region of the image at its original resolution.

    Attributes:
        box: Left, top, right, bottom in pixels of the image last shown.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.

    Raises:
        ConfigError: If `box` is not four such numbers or is empty, or `thought` is no text.
    """

    box: tuple[float, float, float, float]
    thought: str = ""
    problem: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not _is_box(self.box):
            raise ConfigError(
                "Crop: box is (left, top, right, bottom) in pixels with left < right and "
                f"top < bottom, got {self.box!r}."
            )
        self._check_text("thought", self.thought)


@dataclass(frozen=True)
class Malformed:
    """A turn that is neither an answer nor a call that can be carried out.

    Attributes:
        reason: Short name of the fault, such as ``"no_action"`` or ``"bad_json"``.
        is_call: True when the policy tried to call a tool, so that feedback can help it.
        detail: A sentence for the policy and the log.
    """

    reason: str
    is_call: bool = False
    detail: str = ""

    @property
    def well_formed(self) -> bool:
        """Always False."""
        return False


Action = Answer | Request | Crop | Malformed


def parse(text: str, opened: bool = False) -> Action:
    """Reads one turn of a policy.

    Args:
        text: Everything the policy wrote in this turn, any Unicode, any length.
        opened: True when the turn begins inside the thought, because the prompt ended with
            ``<think>``.

    Returns:
        What the text asks for after its thought. An answer or call that can be understood is
        returned even when the turn breaks the format around it; its `problem` then names the fault.
    """
    turn = _divide(text, opened)
    calls, answers = _count(turn.rest, CALL), _count(turn.rest, ANSWER)
    if calls == answers == (0, 0):
        if turn.end and any(text.find(_TAGS[tag][0]) >= 0 for tag in (ANSWER, CALL)):
            return Malformed("nested_tags", False, "An answer or call must follow the thought.")
        return Malformed("no_action", False, "There is neither an answer nor a tool call.")
    if calls == (0, 0):
        return _parse_answer(turn, answers)
    if answers == (0, 0):
        return _parse_call(turn, calls)
    return Malformed("answer_and_call", True, "Either answer or call a tool, not both.")


def parse_untagged(text: str, opened: bool = False) -> Answer | None:
    """Reads a turn without one tagged answer as an answer all the same.

    The answer is what follows the thought, or the whole turn when no thought is closed; where
    there are answer tags after all, what they leave: from the last ``<answer>`` to ``</answer>``.

    Args:
        text: A turn that `parse` calls malformed and no call.
        opened: As for `parse`.

    Returns:
        The answer, whose `problem` is ``"untagged_answer"`` or, with broken tags,
        ``"answer_tags"``; None when there are no words.
    """
    turn = _divide(text, opened)
    said, problem = turn.rest, "untagged_answer"
    if not turn.end and said.lstrip().startswith(_TAGS[THINK][0]):
        said = said[said.find(_TAGS[THINK][0]) + len(_TAGS[THINK][0]) :]
    opening, closing = _TAGS[ANSWER]
    start = said.rfind(opening)
    if start >= 0:
        said, problem = said[start + len(opening) :], "answer_tags"
    end = said.find(closing)
    if end >= 0:
        said, problem = said[:end], "answer_tags"
    said = said.strip()
    return Answer(said, turn.thought(), problem) if said else None


def to_text(action: Answer | Request | Crop) -> str:
    """Writes an action in the protocol; `parse` reads it back."""
    head = f"<{THINK}>{action.thought}</{THINK}>"
    if isinstance(action, Answer):
        return f"{head}<{ANSWER}>{action.text}</{ANSWER}>"
    arguments: dict[str, Any]
    if isinstance(action, Request):
        name, arguments = RESIZE_TOOL, {"action": "resize"}
        if action.scale is not None:
            arguments["scale"] = action.scale
    else:
        name, arguments = CROP_TOOL, {"box": list(action.box)}
    call = json.dumps({"name": name, "arguments": arguments})
    return f"{head}<{CALL}>{call}</{CALL}>"


def _count(text: str, tag: str) -> tuple[int, int]:
    opening, closing = _TAGS[tag]
    return text.count(opening), text.count(closing)


def _between(text: str, tag: str) -> str | None:
    opening, closing = _TAGS[tag]
    start = text.find(opening) + len(opening)
    end = text.find(closing, start)
    return None if end < 0 else text[start:end]


class _Turn(NamedTuple):
    """A turn, divided where its thought ends.

    Attributes:
        text: All of it.
        opened: Whether the prompt opened the thought.
        end: Where the thought ends, behind its closing tag; 0 when no thought is closed.
        rest: What follows the thought.
    """

    text: str
    opened: bool
    end: int
    rest: str

    def thought(self) -> str:
        """What stands in the think tags, stripped."""
        if not self.end:
            return ""
        opening, closing = _TAGS[THINK]
        start = 0 if self.opened else max(self.text.find(opening), 0)
        inside = self.text[start : self.end - len(closing)].strip()
        if inside.startswith(opening):
            inside = inside[len(opening) :].strip()
        return inside

    def check(self, tag: str) -> tuple[str, str | None]:
        """The thought, and the first fault of the format around the action in `tag`."""
        opening = _TAGS[THINK][0]
        opened, closed = _count(self.text, THINK)
        if opened == closed == 0 and not self.opened:
            return "", "no_think"
        once = closed == 1 and opened <= 1 <= opened + self.opened
        leads = opened == 1 and self.text.lstrip().startswith(opening)
        if not once or self.rest.find(opening) >= 0 or (self.opened and opened and not leads):
            return "", "think_tags"
        problem = None
        if not self.opened and not leads:
            problem = "text_before_think"
        elif not self.rest.rstrip().endswith(_TAGS[tag][1]):
            problem = "text_after_action"
        return self.thought(), problem


def _divide(text: str, opened: bool) -> _Turn:
    end = _thought_end(text, opened)
    return _Turn(text, opened, end, text[end:] if end else text)


def _thought_end(text: str, opened: bool) -> int:
    """Where the thought ends, behind its ``</think>``; 0 when none is closed.

    A thought may hold others, and others may follow it at once. Where tags do not match, or there
    are very many of them, the last one ends it.
    """
    opening, closing = _TAGS[THINK]
    first, last = text.find(closing), text.rfind(closing)
    if first == last:
        return last + len(closing) if last >= 0 else 0
    start, depth = 0, int(opened)
    for _ in range(MAX_THOUGHTS):
        close = text.find(closing, start)
        if close < 0:
            break
        depth += text[start:close].count(opening) - 1
        start = close + len(closing)
        if depth <= 0:
            another = text.find(opening, start)
            if another < 0 or text[start:another].strip():
                return start
            depth = 0
    return last + len(closing)


def _parse_answer(turn: _Turn, answers: tuple[int, int]) -> Action:
    if answers != (1, 1):
        return Malformed("answer_tags", False, "There must be exactly one <answer>…</answer>.")
    body = _between(turn.rest, ANSWER)
    if body is None:
        return Malformed("answer_tags", False, "</answer> stands before <answer>.")
    if not body.strip():
        return Malformed("empty_answer", False, "The answer is empty.")
    return Answer(body.strip(), *turn.check(ANSWER))


def _parse_call(turn: _Turn, calls: tuple[int, int]) -> Action:
    if calls[0] > 1:
        return Malformed("several_calls", True, "Call one tool a turn.")
    body = _between(turn.rest, CALL) if calls == (1, 1) else None
    if body is None:
        return Malformed("call_tags", True, "Write <tool_call>, the JSON, then </tool_call>.")
    if len(body) > MAX_CALL_CHARS:
        return Malformed("call_too_long", True, f"A call has at most {MAX_CALL_CHARS} characters.")
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return Malformed("bad_json", True, "The call is not valid JSON.")
    return _parse_tool(call, *turn.check(CALL))


def _parse_tool(call: object, thought: str, problem: str | None) -> Action:
    if not isinstance(call, dict) or not isinstance(call.get("arguments"), dict):
        return Malformed("bad_call", True, 'A call is {"name": …, "arguments": {…}}.')
    if call.get("name") == RESIZE_TOOL:
        return _parse_resize(call["arguments"], thought, problem)
    if call.get("name") == CROP_TOOL:
        return _parse_crop(call["arguments"], thought, problem)
    return Malformed("unknown_tool", True, f"Known tools: {RESIZE_TOOL}, {CROP_TOOL}.")


def _parse_resize(arguments: dict[str, Any], thought: str, problem: str | None) -> Action:
    scale = arguments.get("scale")
    if arguments.get("action") != "resize":
        return Malformed("bad_arguments", True, 'resize_image takes {"action": "resize"}.')
    if scale is None:
        return Request(None, thought, problem)
    if not _is_scale(scale):
        return Malformed("bad_arguments", True, "scale is a number above 0 and at most 1.")
    return Request(float(scale), thought, problem)


def _parse_crop(arguments: dict[str, Any], thought: str, problem: str | None) -> Action:
    box = arguments.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return Malformed("bad_arguments", True, "crop_image takes a box of four numbers.")
    if not _is_box(box):
        return Malformed("bad_arguments", True, "A box is left, top, right, bottom, and not empty.")
    left, top, right, bottom = map(float, box)
    return Crop((left, top, right, bottom), thought, problem)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e6  # false for NaN as well, and bounds huge integers


def _is_scale(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 1


def _is_box(value: Any) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 4 or not all(map(_is_number, value)):
        return False
    left, top, right, bottom = value
    return bool(left < right and top < bottom)
