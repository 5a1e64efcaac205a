"""Two numbers that belong together: scores, ratios, blood pressures, dates without a year."""

from __future__ import annotations

import re
from fractions import Fraction

from judges.rules.question import has_slashes

_PAIR = re.compile(
    r"^(\d{1,5}(?:\.\d{1,4})?)\s?(?:([:/-])|\bto\b|\bover\b)\s?(\d{1,5}(?:\.\d{1,4})?)"
    r"(?:\s(?P<unit>[A-Za-z. ]{1,12}))?$",
    re.ASCII,
)
_RATIO = re.compile(r"\b(?:ratio|proportion|odds|scale)\b", re.IGNORECASE)


_SCORE = re.compile(
    r"\b(?:score\w*|result|ratio|odds|scale|aspect|proportion|record|draw|won|lost|beat)\b|比分",
    re.IGNORECASE,
)


def is_pair(wanted: str, question: str) -> bool:
    """True when a reference is two numbers in a question about a score, a ratio or the like."""
    found = _PAIR.match(wanted) if wanted[:1].isdigit() else None
    if found is None:
        return False
    return has_slashes(question) if found[2] == "/" else _SCORE.search(question) is not None


def match_pairs(answer: str, wanted: str, question: str) -> bool | None:
    """Compares two pairs, such as ``3:2`` and ``3 to 2``; undecided where they differ in form.

    Ratios are equal when reduced; of all else the numbers must be the same. Other readings of such
    a text, as a date or a decimal, are left to somebody who sees more.
    """
    ours, theirs = _PAIR.match(answer), _PAIR.match(wanted)
    if ours is None or theirs is None:
        return None
    units = {(match["unit"] or "").lower().strip(" .") for match in (ours, theirs)} - {""}
    if len(units) > 1:
        return None
    left, right = (ours[1], ours[3]), (theirs[1], theirs[3])
    if left == right:
        return True
    if _RATIO.search(question) is None or not Fraction(left[1]) or not Fraction(right[1]):
        return None
    return Fraction(left[0]) / Fraction(left[1]) == Fraction(right[0]) / Fraction(right[1])
