"""Similarity of short texts (ANLS), with guards against near-misses that mean something else."""

from __future__ import annotations

import re

from judges.rules.final_answer import text_key

MAX_SIMILAR_CHARS = 200
_SHORT_WORD = 4
_DIGITS = re.compile(r"\d+")


def edit_distance(left: str, right: str) -> int:
    """Returns the Levenshtein distance, with `rapidfuzz` where it is installed."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        return _edit_distance(left, right)
    return int(Levenshtein.distance(left, right))


def _edit_distance(left: str, right: str) -> int:
    """Returns the Levenshtein distance; the row-by-row textbook form."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def similarity(left: str, right: str) -> float:
    """Returns 1 minus the edit distance over the longer length, in [0, 1]; 1 for two empties."""
    longest = max(len(left), len(right))
    return 1.0 - edit_distance(left, right) / longest if longest else 1.0


def similar_texts(left: str, right: str, threshold: float) -> bool:
    """Says whether two short texts are the same but for a slip of the pen.

    Digits are exact, and so are the first letters of the words and words of up to four letters:
    "symmetric" is not "asymmetric", "cat" is not "car".

    Args:
        left: One text.
        right: The other text.
        threshold: Smallest `similarity` of the whole that counts, in (0, 1].
    """
    left, right = text_key(left), text_key(right)
    if not left or not right or _DIGITS.findall(left) != _DIGITS.findall(right):
        return False
    if left.replace(" ", "") == right.replace(" ", ""):
        return True
    longest, shortest = max(len(left), len(right)), min(len(left), len(right))
    if longest > MAX_SIMILAR_CHARS or shortest < threshold * longest:
        return False
    if not _words_agree(left.split(), right.split()):
        return False
    return similarity(left, right) >= threshold


def _words_agree(left: list[str], right: list[str]) -> bool:
    """True when the words pair up with equal first letters and equal short words."""
    if len(left) != len(right):
        return False
    return all(
        a == b or (a[0] == b[0] and min(len(a), len(b)) > _SHORT_WORD)
        for a, b in zip(left, right, strict=True)
    )
