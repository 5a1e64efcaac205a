"""Lists in answers: how they are split and how they are compared."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from judges.rules.clean import text_key
from judges.rules.final_answer import strip_marks
from judges.rules.hints import Hint
from judges.rules.numeric.numbers import parse_quantity

MAX_ITEMS = 64

_BULLET = re.compile(r"(?:^|\s)(?:\d{1,2}[.)]|[-*•])\s+(?=\S)")
_MARKED = re.compile(r"[-*•.)]\s")
_SEPARATOR = re.compile(r"\s*[;|\n]\s*")
_STAR = re.compile(r"\s+[*•]\s+(?=[^\W\d])")  # what stands first has lost its own
_COMMA = re.compile(
    r"\s*,\s*(?:and\s+|or\s+|&\s+)?|\s+(?:and|&)\s+|(?<=[\u3040-\u9fff])[和与及と](?=[\u3040-\u9fff])",
    re.IGNORECASE,
)
_PARTING = Hint(r"[,;|&\n*•\[和与及と]|\band\b|[-.)]\s")
_LISTED = Hint(r"[,&和与及と]|\band\b")
_SLASH = re.compile(r"(?<=[^\W\d])\s?/\s?(?=[^\W\d])")
_ORDER = Hint(
    r"\b(?:in (?:\w+ )?order|ordered|order of|rank\w*|sort\w*|sequence|ascending|descending|"
    r"chronological\w*|alphabetical\w*|from (?:\w+ ){1,4}to|left to right|right to left|"
    r"top to bottom|bottom to top|step by step|respectively|first to last|clockwise)\b"
)
_PLACED = Hint(
    r"\b(?:box\w*|bbox\w*|bounding|coordinates?|position\w*|location\w*|located|point|points|vector|"
    r"matrix|vertex|vertices|pixel\w*|corner\w*|midpoint|centre|center|ordered pair|rgb|"
    r"dimensions?|resolution)\b"
)
_INTERVAL = Hint(
    r"\b(?:interval\w*|domain|range|solution set|inequality|values of|set of|increasing on|"
    r"decreasing on|converge\w*)\b"
)
_ANY_ORDER = Hint(
    r"\b(?:which|roots?|zeros|zeroes|solutions?|solve|factors?|divisors?|primes?|numbers|years|"
    r"values|name|list)\b"
)
_BRACKETED = re.compile(r"^\s*([\[(])\s*[^\[\](){}]*,[^\[\](){}]*([\])])\s*$")


def may_be_list(text: str) -> bool:
    """True when anything in a text may part items; told at once, for most texts are one item."""
    return _PARTING.isin(text)


@lru_cache(maxsize=4096)
def split_items(text: str, slashes: bool = False) -> tuple[str, ...]:
    """Splits an answer into its items; one item when it is no list.

    JSON and Python lists, bullets, semicolons, bars, commas and a closing "and" are understood. The
    thousands separator of a number does not split it.

    Args:
        text: A final answer.
        slashes: Whether a slash between words splits too ("red/blue").
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        items = _literal_items(text)
        if items is not None:
            return items
        text = text[1:-1]
    elif text[:1] + text[-1:] in ("{}", "()"):
        text = text[1:-1]
    if text.isascii() and text.isalnum():
        return (text,)
    if ";" in text or "|" in text or "\n" in text:
        parts = _SEPARATOR.split(text)
    elif _MARKED.search(text) and len(_BULLET.findall(text)) > 1:
        parts = _BULLET.split(text)
    elif ("*" in text or "•" in text) and _STAR.search(text):
        parts = _STAR.split(text)
    elif "," in text and ", " not in text and parse_quantity(text) is not None:
        parts = [text]
    else:
        parts = _COMMA.split(text) if _LISTED.isin(text) else [text]
        if slashes and len(parts) == 1:
            parts = _SLASH.split(text)
    items = tuple(item for item in (strip_marks(part) for part in parts) if item)
    return items or (text,)


def _literal_items(text: str) -> tuple[str, ...] | None:
    """Reads a flat JSON or Python list; None when `text` is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if "'" not in text or len(text) > 2000:
            return None
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    if not isinstance(value, list) or any(isinstance(item, list | dict | tuple) for item in value):
        return None
    return tuple(item if isinstance(item, str) else json.dumps(item) for item in value)


def is_ordered(question: str, reference: str) -> bool:
    """True when position counts: an order is asked for, or the reference is a tuple or a place."""
    if reference[:1] + reference[-1:] == "()":
        return True
    return _ORDER.isin(question) or is_placed(question)


@lru_cache(maxsize=4096)
def is_placed(question: str) -> bool:
    """True when coordinates are asked for: boxes, points, vectors."""
    return _PLACED.isin(question)


@lru_cache(maxsize=4096)
def any_order(question: str) -> bool:
    """True when a question asks for numbers as a set: which, the roots, the factors."""
    return _ANY_ORDER.isin(question)


def brackets_agree(given: str, expected: str, question: str) -> bool | None:
    """Says whether the brackets of two bracketed pairs mean the same.

    ``(0, 9)`` is not ``[0, 9)``: where either is half open, or the question asks for an interval,
    brackets are content. Elsewhere ``[1, 3]`` and ``(1, 3)`` hold the same items.

    Returns:
        True or False; None where brackets are content and the prediction has none.
    """
    theirs = _BRACKETED.match(expected) if expected[-1:] in (")", "]") else None
    if theirs is None:
        return True
    ours = _BRACKETED.match(given)
    half_open = theirs[1] + theirs[2] in ("[)", "(]") or (
        ours is not None and ours[1] + ours[2] in ("[)", "(]")
    )
    content = half_open or _INTERVAL.isin(question)
    if not content:
        return True
    return None if ours is None else ours.groups() == theirs.groups()


def without_equals(
    given: Sequence[str], expected: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns what is left of two lists when items that are equal have been taken out in pairs."""
    open_items = [(text_key(item), item) for item in expected]
    rest = []
    for item in given:
        key = text_key(item)
        found = next((pair for pair in open_items if pair[0] == key and key), None)
        if found is None:
            rest.append(item)
        else:
            open_items.remove(found)
    return tuple(rest), tuple(item for _, item in open_items)


def match_items(
    given: Sequence[str],
    expected: Sequence[str],
    ordered: bool,
    same: Callable[[str, str], bool | None],
) -> bool | None:
    """Says whether two lists hold the same items, each used once.

    Args:
        given: Items of the prediction.
        expected: Items of the reference.
        ordered: Whether position counts.
        same: Compares one item of each; None where it cannot tell.

    Returns:
        True or False; None when items that could not be compared decide.
    """
    if len(given) != len(expected) or len(given) > MAX_ITEMS:
        return False
    if ordered:
        pairs = [same(left, right) for left, right in zip(given, expected, strict=True)]
        if all(pairs):
            return True
        if False in pairs or match_items(given, expected, False, same):
            return False  # another order of the same items
        return None
    table = [[same(left, right) for right in expected] for left in given]
    if _pairs_up(table, (True,)):
        return True
    return None if _pairs_up(table, (True, None)) else False


def _pairs_up(table: list[list[bool | None]], accepted: tuple[bool | None, ...]) -> bool:
    """True when every row can have a column of its own (bipartite matching)."""
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, fits in enumerate(table[row]):
            if fits in accepted and column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))
