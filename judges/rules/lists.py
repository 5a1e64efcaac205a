"""Lists in answers: how they are split and how they are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from judges.rules.final_answer import strip_marks
from judges.rules.numbers import parse_quantity

MAX_ITEMS = 64

_BULLET = re.compile(r"(?:^|\s)(?:\d{1,2}[.)]|[-*•])\s+(?=\S)")
_SEPARATOR = re.compile(r"\s*[;|\n]\s*")
_STAR = re.compile(r"\s+[*•]\s+(?=[^\W\d])")  # what stands first has lost its own
_COMMA = re.compile(r"\s*,\s*(?:and\s+|or\s+|&\s+)?|\s+(?:and|&)\s+", re.IGNORECASE)
_ORDER = re.compile(
    r"\b(?:in (?:\w+ )?order|ordered|order of|rank\w*|sort\w*|sequence|ascending|descending|"
    r"chronological\w*|alphabetical\w*|from (?:\w+ ){1,4}to|left to right|right to left|"
    r"top to bottom|bottom to top|step by step)\b",
    re.IGNORECASE,
)


def split_items(text: str) -> tuple[str, ...]:
    """Splits an answer into its items; one item when it is no list.

    JSON lists, bullets, semicolons, bars, commas and a closing "and" are understood. The
    thousands separator of a number does not split it.
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        items = _json_items(text)
        if items is not None:
            return items
        text = text[1:-1]
    elif text[:1] + text[-1:] in ("{}", "()"):
        text = text[1:-1]
    if _SEPARATOR.search(text):
        parts = _SEPARATOR.split(text)
    elif len(_BULLET.findall(text)) > 1:
        parts = _BULLET.split(text)
    elif _STAR.search(text):
        parts = _STAR.split(text)
    elif parse_quantity(text) is not None and "," in text and ", " not in text:
        parts = [text]
    else:
        parts = _COMMA.split(text)
    items = tuple(item for item in (strip_marks(part) for part in parts) if item)
    return items or (text,)


def _json_items(text: str) -> tuple[str, ...] | None:
    """Reads a flat JSON list; None when `text` is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or any(isinstance(item, (list, dict)) for item in value):
        return None
    return tuple(item if isinstance(item, str) else json.dumps(item) for item in value)


def is_ordered(question: str, reference: str) -> bool:
    """True when the question asks for its list in an order, or the reference is a tuple."""
    return _ORDER.search(question) is not None or reference[:1] + reference[-1:] == "()"


def match_items(
    given: Sequence[str],
    expected: Sequence[str],
    ordered: bool,
    same: Callable[[str, str], bool],
) -> bool:
    """Says whether two lists hold the same items, each used once.

    Args:
        given: Items of the prediction.
        expected: Items of the reference.
        ordered: Whether position counts.
        same: Compares one item of each.
    """
    if len(given) != len(expected) or len(given) > MAX_ITEMS:
        return False
    if ordered:
        return all(same(left, right) for left, right in zip(given, expected, strict=True))
    table = [[same(left, right) for right in expected] for left in given]
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, fits in enumerate(table[row]):
            if fits and column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(given)))
