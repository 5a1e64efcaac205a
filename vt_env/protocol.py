r"""The words of the episode: what a policy's text means, and how an action is written.

A turn is either a direct answer or one call of a tool (VisionThink, arXiv 2507.13348, section 3)::

    <think> … </think> … <answer> … </answer>
    <think> … </think> … <tool_call>
    {"name": "resize_image", "arguments": {"action": "resize"}}
    </tool_call>

`parse` never raises and takes time linear in the length of the text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

THINK, ANSWER, CALL = "think", "answer", "tool_call"
RESIZE_TOOL, CROP_TOOL = "resize_image", "crop_image"
MAX_CALL_CHARS = 4096
"""A call's JSON longer than this is malformed; it bounds the work of the JSON parser."""


class _Understood:
    """A turn that can be carried out, whether or not it keeps the format."""

    problem: str | None

    @property
    def well_formed(self) -> bool:
        """True when the whole turn keeps the format."""
        return self.problem is None


@dataclass(frozen=True)
class Answer(_Understood):
    """A direct answer.

    Attributes:
        text: The answer without tags, stripped.
        thought: What stood in the think tags, stripped.
        well_formed: True when the whole turn keeps the format.
        problem: Name of the first fault when not well formed, else None.
    """

    text: str
    thought: str = ""
    problem: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Request(_Understood):
    """A call for the image at a higher resolution.

    Attributes:
        scale: Share of each original side that is asked for, in (0, 1]; None: the next level up.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.
    """

    scale: float | None = None
    thought: str = ""
    problem: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Crop(_Understood):
    """A call for a region of the image at its original resolution.

    Attributes:
        box: Left, top, right, bottom in pixels of the image last shown.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.
    """

    box: tuple[float, float, float, float]
    thought: str = ""
    problem: str | None = field(default=None, compare=False)


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


def parse(text: str) -> Action:
    """Reads one turn of a policy.

    Args:
        text: Everything the policy wrote in this turn, any Unicode, any length.

    Returns:
        What the text asks for. An answer or call that can be understood is returned even when
        the turn breaks the format around it; its `problem` then names the fault.
    """
    calls, answers = _count(text, CALL), _count(text, ANSWER)
    if calls == answers == (0, 0):
        return Malformed("no_action", False, "There is neither an answer nor a tool call.")
    if calls == (0, 0):
        return _parse_answer(text, answers)
    if answers == (0, 0):
        return _parse_call(text, calls)
    return Malformed("answer_and_call", True, "Either answer or call a tool, not both.")


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
    return text.count(f"<{tag}>"), text.count(f"</{tag}>")


def _between(text: str, tag: str) -> str | None:
    start = text.find(f"<{tag}>") + len(tag) + 2
    end = text.find(f"</{tag}>", start)
    return None if end < 0 else text[start:end]


def _check_turn(text: str, tag: str) -> tuple[str, str | None]:
    """Returns the thought and the first fault of the format around the action."""
    counts = _count(text, THINK)
    if counts == (0, 0):
        return "", "no_think"
    thought = _between(text, THINK) if counts == (1, 1) else None
    if thought is None:
        return "", "think_tags"
    problem = None
    if not text.lstrip().startswith(f"<{THINK}>"):
        problem = "text_before_think"
    elif text.find(f"</{THINK}>") > text.find(f"<{tag}>"):
        problem = "nested_tags"
    elif not text.rstrip().endswith(f"</{tag}>"):
        problem = "text_after_action"
    return thought.strip(), problem


def _parse_answer(text: str, answers: tuple[int, int]) -> Action:
    if answers != (1, 1):
        return Malformed("answer_tags", False, "There must be exactly one <answer>…</answer>.")
    body = _between(text, ANSWER)
    if body is None:
        return Malformed("answer_tags", False, "</answer> stands before <answer>.")
    if not body.strip():
        return Malformed("empty_answer", False, "The answer is empty.")
    thought, problem = _check_turn(text, ANSWER)
    return Answer(body.strip(), thought, problem)


def _parse_call(text: str, calls: tuple[int, int]) -> Action:
    if calls[0] > 1:
        return Malformed("several_calls", True, "Call one tool a turn.")
    body = _between(text, CALL) if calls == (1, 1) else None
    if body is None:
        return Malformed("call_tags", True, "Write <tool_call>, the JSON, then </tool_call>.")
    if len(body) > MAX_CALL_CHARS:
        return Malformed("call_too_long", True, f"A call has at most {MAX_CALL_CHARS} characters.")
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return Malformed("bad_json", True, "The call is not valid JSON.")
    return _parse_tool(call, *_check_turn(text, CALL))


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
    if not _is_number(scale) or not 0 < scale <= 1:
        return Malformed("bad_arguments", True, "scale is a number above 0 and at most 1.")
    return Request(float(scale), thought, problem)


def _parse_crop(arguments: dict[str, Any], thought: str, problem: str | None) -> Action:
    box = arguments.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return Malformed("bad_arguments", True, "crop_image takes a box of four numbers.")
    left, top, right, bottom = map(float, box)
    if not (left < right and top < bottom):
        return Malformed("bad_arguments", True, "A box is left, top, right, bottom, and not empty.")
    return Crop((left, top, right, bottom), thought, problem)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e6  # false for NaN as well, and bounds huge integers
