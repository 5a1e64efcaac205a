"""Reading a judging model's reply. Strict: a reply is a verdict or it is nothing."""

from __future__ import annotations

import json
import re

_MAX_REPLY = 4096
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"^```(?:json)?\s*(\{[^`]*\})\s*```$", re.DOTALL)


def parse_verdict(reply: str | None) -> float | None:
    """Reads ``{"score": 0}`` or ``{"score": 1}``.

    The whole reply must be that object, alone or in a code fence, after an optional closed
    ``<think>`` block. Prose, several objects, other keys, other numbers, escapes, booleans and
    strings are no verdict.

    Returns:
        0.0 or 1.0; None when the reply is no verdict.
    """
    if reply is None or len(reply) > _MAX_REPLY:
        return None
    text = _THOUGHT.sub("", reply, count=1).strip()
    fence = _FENCE.match(text)
    if fence:
        text = fence[1]
    if "\\" in text:
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, list) or len(pairs) != 1 or not text.startswith("{"):
        return None
    key, score = pairs[0]
    if key != "score" or isinstance(score, bool) or not isinstance(score, (int, float)):
        return None
    return float(score) if score in (0, 1) else None
