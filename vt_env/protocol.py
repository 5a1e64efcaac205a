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
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from vt_env.tools import TOOLS, BadArgumentsError, Call, Crop, Request, Tool, tool_named
from vt_env.tools.base import Understood

__all__ = [
    "MAX_CALL_CHARS",
    "MAX_THOUGHTS",
    "Action",
    "Answer",
    "Crop",
    "Malformed",
    "Request",
    "parse",
    "parse_untagged",
    "to_text",
]

THINK, ANSWER, CALL = "think", "answer", "tool_call"
_TAGS = {tag: (f"<{tag}>", f"</{tag}>") for tag in (THINK, ANSWER, CALL)}
MAX_CALL_CHARS = 4096
"""A call's JSON longer than this is malformed; it bounds the work of the JSON parser."""
MAX_THOUGHTS = 64
"""So many thoughts of a turn are told apart; it bounds the work of matching their tags."""


@dataclass(frozen=True)
class Answer(Understood):
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
        self.check_text("text", self.text)
        self.check_text("thought", self.thought)


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


Action = Answer | Call | Malformed


def parse(text: str, opened: bool = False, offered: Iterable[Tool] | None = None) -> Action:
    """Reads one turn of a policy.

    Args:
        text: Everything the policy wrote in this turn, any Unicode, any length.
        opened: True when the turn begins inside the thought, because the prompt ended with
            ``<think>``.
        offered: Tools that the error of an unknown one names; None: all there are. A call of a
            tool that is not among them is read all the same.

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
        return _parse_call(turn, calls, TOOLS.values() if offered is None else offered)
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


def to_text(action: Answer | Call) -> str:
    """Writes an action in the protocol; `parse` reads it back."""
    head = f"<{THINK}>{action.thought}</{THINK}>"
    if isinstance(action, Answer):
        return f"{head}<{ANSWER}>{action.text}</{ANSWER}>"
    tool = tool_named(action.tool)
    call = json.dumps({"name": tool.function, "arguments": tool.arguments(action)})
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


def _parse_call(turn: _Turn, calls: tuple[int, int], offered: Iterable[Tool]) -> Action:
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
    return _parse_tool(call, *turn.check(CALL), offered)


def _parse_tool(call: object, thought: str, problem: str | None, offered: Iterable[Tool]) -> Action:
    if not isinstance(call, dict) or not isinstance(call.get("arguments"), dict):
        return Malformed("bad_call", True, 'A call is {"name": …, "arguments": {…}}.')
    offered = tuple(offered)
    for tool in (*offered, *TOOLS.values()):  # of tools of one function, the one in force
        if call.get("name") == tool.function:
            try:
                return tool.parse(call["arguments"], thought, problem)
            except BadArgumentsError as error:
                return Malformed("bad_arguments", True, str(error))
    known = ", ".join(tool.function for tool in offered)
    return Malformed("unknown_tool", True, f"Known tools: {known or 'none'}.")
