"""Where `math-verify` is not asked: the kinds of formula that it has called equal wrongly.

Each kind was met in its issue threads or in published model answers: factorials and huge powers
evaluate to floats that overflow or round to one value; sequences with dots and sets are compared
by what is left of them; an equation is compared by one of its sides; quantifiers and plus-minus
signs are dropped.
"""

from __future__ import annotations

import re

_ELLIPSIS = re.compile(r"\\[lcv]?dots\b|\.\.\.|…|⋯")
_FACTORIAL = re.compile(r"[\w)}\]]\s*!(?!=)|\\binom\b|\\Gamma\b")
_LOGIC = re.compile(
    r"\\(?:forall|exists|pm|mp|neg|land|lor|implies|iff|Rightarrow|to|rightarrow|mid|bmod|pmod|mod)"
    r"\b|[∀∃±∓¬∧∨⇒→⇔∣|]|\b(?:for (?:all|every|some)|there exists?|if|or|and|where|mod|when|any)\b",
    re.IGNORECASE,
)
_BIG = re.compile(
    r"\d{16,}|\^\s*\{?\s*-?\s*(?:\d{3,}|\{|\(?\d+\s*\^)|\*\*\s*\d{3,}|\d\s*\^\s*\{[^{}]*\^"
)
_RELATION = re.compile(
    r"(?<![<>=!:\\])=(?!=)|[<>≤≥≠≈≡∈]|\\(?:leq?|geq?|neq?|lt|gt|approx|equiv|in|sim)\b"
)
_ASSIGNED = re.compile(r"^\s*\$?\s*[A-Za-z]\w?\s*(?:\([a-z]\))?\s*=(?P<value>[^=<>≤≥]+)$")
_LIST = re.compile(r",|;|\\cup\b|∪|\\begin\b")


def comparable(prediction: str, reference: str) -> bool:
    """True when both sides are of a kind for which symbolic equality can be believed.

    A bare value may stand for an assignment ("x = 4" for "4"), but two relations are not compared:
    whether ``3x - y + 13 = 0`` is another line is more than a difference of two sides.
    """
    both = prediction + "\n" + reference
    for kind in (_ELLIPSIS, _FACTORIAL, _LOGIC, _BIG):
        if kind.search(both):
            return False
    sides = [_value(text) for text in (prediction, reference)]
    if any(_RELATION.search(side) for side in sides):
        return False
    return (_LIST.search(sides[0]) is None) == (_LIST.search(sides[1]) is None)


def _value(text: str) -> str:
    """Returns the right side of an assignment, else the text."""
    assigned = _ASSIGNED.match(text)
    return assigned["value"] if assigned else text
