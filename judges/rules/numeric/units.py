"""How units are read.

A unit is a product of powers of base dimensions and a factor, so that "km/h", "kilometres per
hour" and "km h^-1" are one. Names are listed in `judges.rules.numeric.unit_table`, never guessed; a
general unit parser reads "cats" as centi-atmospheres and "bars" as pressure, and a wrong unit
refuses a right answer. What the table says is compared with `pint` in the tests.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

from judges.rules.numeric.unit_table import AMBIGUOUS, CURRENCIES, UNITS, Unit

_EXACT = Context(prec=50, traps=[])
_YEN_SIGN = (("currency ¥", 1),)
_YEN_OR_YUAN = frozenset({(("currency JPY", 1),), (("currency CNY", 1),), _YEN_SIGN})

_TOKEN = re.compile(r"([^\s\d^/*().-]+)\s?(?:\^?\s?\(?(-?[1-4])\)?)?")
_WORDY = re.compile(r"\b(square|sq\.?|cubic|cu\.?)\s+([A-Za-z]+)|\b([A-Za-z]+)\s+(squared|cubed)\b")


def same_dimension(left: Unit, right: Unit) -> bool:
    """True when two units measure the same; "¥" is the sign of the yen and of the yuan."""
    if left.dimension == right.dimension:
        return True
    both = {left.dimension, right.dimension}
    return _YEN_SIGN in both and both <= _YEN_OR_YUAN


@lru_cache(maxsize=4096)
def find_unit(text: str) -> tuple[Unit, ...]:
    """Looks a unit up: what `text` may mean, the likeliest first; empty when it is none we know.

    Args:
        text: Such as ``"km/h"``, ``"square centimetres"`` or ``"dollars"``.
    """
    text = text.strip(" .")
    named = _named(text)
    if named is not None:
        return (named, *AMBIGUOUS.get(text, ()))
    if text in AMBIGUOUS:
        return AMBIGUOUS[text]
    compound = _compound(text)
    return () if compound is None else (compound,)


def _named(text: str) -> Unit | None:
    """Looks up a single name: with its case, then, where it is a word, without."""
    if text in UNITS:
        return UNITS[text]
    lowered = " ".join(text.lower().split())
    if lowered in CURRENCIES:
        return CURRENCIES[lowered]
    if len(lowered) > 3 or lowered in (
        "in",
        "ft",
        "yd",
        "mi",
        "lb",
        "lbs",
        "oz",
        "mph",
        "hr",
        "hrs",
    ):
        return UNITS.get(lowered)
    return None


def _compound(text: str) -> Unit | None:
    """Reads a product or a quotient of units, such as "m/s^2" or "miles per hour"."""
    if len(text) > 48:
        return None
    text = text.replace(" per ", "/").replace(" an ", "/").replace(" a ", "/")
    text = _WORDY.sub(_as_power, text)
    if text.startswith("per "):
        return None
    powers: dict[str, int] = {}
    factor = Decimal(1)
    for index, piece in enumerate(text.split("/")):
        position, part = 0, piece.strip().strip("()")
        for token in _TOKEN.finditer(part):
            unit = _named(token[1])
            gap = part[position : token.start()].strip(" *·.-()")
            if unit is None or gap or unit.offset:
                return None
            power = int(token[2] or 1) * (-1 if index else 1)
            for name, own in unit.dimension:
                powers[name] = powers.get(name, 0) + own * power
            factor = _EXACT.multiply(factor, _EXACT.power(unit.factor, power))
            position = token.end()
        if not position or part[position:].strip(" ()"):
            return None
    return Unit(tuple(sorted((n, p) for n, p in powers.items() if p)), factor)


def _as_power(match: re.Match[str]) -> str:
    """Writes "square metres" and "metres squared" as powers."""
    name, word = (match[2], match[1]) if match[2] else (match[3], match[4])
    return f"{name}^{2 if word.startswith('sq') else 3}"
