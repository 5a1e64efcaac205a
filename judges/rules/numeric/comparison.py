"""Compares two numbers: whether one says what the other says, in the light of the question."""

from __future__ import annotations

from decimal import Decimal

from judges.rules.numeric.numbers import EXACT, Quantity
from judges.rules.numeric.unit_table import Unit
from judges.rules.numeric.units import same_dimension
from judges.rules.question import (
    Share,
    asked_currency,
    asked_unit,
    asks_for_measure,
    counts,
    scale,
    share,
)

_NEAR = Decimal("0.01")  # how near a converted value must come to be left undecided
_EPSILON = Decimal("1e-30")  # what dividing by a factor may lose
_HUNDRED = Decimal(100)


def quantities_match(
    given: Quantity,
    expected: Quantity,
    tolerance: float | None = None,
    question: str = "",
) -> bool | None:
    """Compares two numbers.

    Percent and fraction (47, 47 % and 0.47) are one value only where the question or the reference
    speaks of a share; a bare capital K, M, B or T is a magnitude only where money, people or
    counts are meant, else a unit; "in million dollars" in the question scales the answer.

    Args:
        given: The number to be judged.
        expected: The number that is right.
        tolerance: Absolute tolerance in the reference's unit; None: integers and fractions are
            exact, other numbers are right when they agree to the reference's own decimals (half a
            unit of the last digit that the reference wrote).
        question: What was asked.

    Returns:
        True or False; None when the numbers agree in one reading and differ in another: of units
        that we do not know, of a letter, of percent nobody asked for, of a rounded conversion.
    """
    if given.letter is None and expected.letter is None:
        return _match(given, expected, tolerance, question)
    as_units = _match(given, expected, tolerance, question)
    as_magnitudes = _match(_magnified(given), _magnified(expected), tolerance, question)
    if as_units is as_magnitudes:
        return as_units
    likely, other = (as_magnitudes, as_units) if counts(question) else (as_units, as_magnitudes)
    return likely if likely else (None if other is not False else likely)


def _magnified(quantity: Quantity) -> Quantity:
    """Reads the letter behind a number as a magnitude."""
    if quantity.letter is None:
        return quantity
    quantum = quantity.quantum
    return Quantity(
        EXACT.multiply(quantity.value, quantity.letter),
        EXACT.multiply(quantum, quantity.letter) if quantum is not None else None,
        has_magnitude=True,
    )


def _match(
    given: Quantity, expected: Quantity, tolerance: float | None, question: str
) -> bool | None:
    """Compares two numbers whose letters have been read."""
    limit = _limit(given, expected, tolerance)
    if given.percent != expected.percent:
        return _match_share(given, expected, limit, question)
    if given.units and expected.units:
        return _match_measured(given, expected, limit, question)
    if given.units and not expected.unit_text and question:
        unit = asked_unit(question)
        if unit is not None and not unit.percent and not _is_currency(unit):
            asked = Quantity(expected.value, expected.quantum, (unit,))
            return _match_measured(given, asked, limit, question)
    return _match_values(given, expected, limit, question)


def _match_values(
    given: Quantity, expected: Quantity, limit: Decimal, question: str
) -> bool | None:
    """Compares two numbers of which at most one has a unit that we know, and neither a percent."""
    if given.units and not expected.measured and _is_currency(given.units[0]) and question:
        asked = asked_currency(question) or Unit(given.units[0].dimension, Decimal(1))
        if not same_dimension(asked, given.units[0]):
            return None  # dollars where yen were asked for
        if asked.factor != given.units[0].factor:  # cents where dollars were
            priced = Quantity(expected.value, expected.quantum, (asked,))
            return _match_measured(given, priced, limit, question)
    if _near(given.value, expected.value, limit):
        if given.units and not expected.measured and _is_currency(given.units[0]):
            return None if asks_for_measure(question) else True  # "$47" is no angle
        return None if _units_unclear(given, expected) else True
    bare = question and not given.units and not expected.measured
    about = share(question) if bare else None
    crossed = _match_bare_share(given, expected, limit, about) if about else False
    return _match_scaled(given, expected, limit, question) if crossed is False else crossed


def _match_scaled(
    given: Quantity, expected: Quantity, limit: Decimal, question: str
) -> bool | None:
    """Compares where the question names the magnitude: 3.5 is "$3.5 million" there."""
    if not question or expected.has_magnitude:
        return False
    factor = scale(question)
    if factor is None:
        return False
    whole = EXACT.multiply(expected.value, factor)
    return _near(given.value, whole, EXACT.multiply(limit, factor))


def _match_measured(
    given: Quantity, expected: Quantity, limit: Decimal, question: str
) -> bool | None:
    """Compares two numbers that both have units we know."""
    outcomes = {
        _match_units(given.value, unit, expected.value, other, limit)
        for unit in given.units
        for other in expected.units
    }
    if True in outcomes:
        return True
    if None in outcomes or (len(outcomes) > 1 and _near(given.value, expected.value, limit)):
        return None
    return _is_currency(expected.units[0]) and _match_scaled(given, expected, limit, question)


def _match_units(
    value: Decimal, unit: Unit, wanted: Decimal, other: Unit, limit: Decimal
) -> bool | None:
    """Compares in the reference's unit; None where only a conversion's rounding parts them."""
    if not same_dimension(unit, other):
        plain_degrees = (unit.bare_degree and other.temperature) or (
            other.bare_degree and unit.temperature
        )
        return _near(value, wanted, limit) if plain_degrees else False
    if (unit.factor, unit.offset) == (other.factor, other.offset):
        return _near(value, wanted, limit)
    base = EXACT.multiply(EXACT.add(value, unit.offset), unit.factor)
    converted = EXACT.subtract(EXACT.divide(base, other.factor), other.offset)
    if _near(converted, wanted, max(limit, EXACT.multiply(abs(wanted), _EPSILON))):
        return True
    if unit.offset != other.offset:
        return None  # 9 °F are 5 °C of difference, but not 5 °C
    rounding = EXACT.multiply(abs(wanted), _NEAR)
    return None if _near(converted, wanted, rounding) else False


def _match_share(given: Quantity, expected: Quantity, limit: Decimal, question: str) -> bool | None:
    """Compares a percentage with a number that is none."""
    if (given.measured and not given.percent) or (expected.measured and not expected.percent):
        near = _near(given.value, expected.value, limit)
        both_known = bool(given.units and expected.units)
        return None if near and not both_known else False
    if expected.percent:  # the reference speaks of a percent: 47 and 0.47 are 47 %
        if _near(given.value, expected.value, limit):
            return True
        hundredfold = EXACT.multiply(given.value, _HUNDRED)
        small = given.is_fraction or abs(given.value) < 1
        return _near(hundredfold, expected.value, limit) if small or given.value == 1 else False
    about = share(question) if question else None
    same = _near(given.value, expected.value, limit)
    part = _hundredth(given, expected, limit)
    if about is None:
        return None if same or part is not False else False
    if same:
        return True if about == "percent" or abs(expected.value) > 1 else None
    return part


def _match_bare_share(
    given: Quantity, expected: Quantity, limit: Decimal, about: Share
) -> bool | None:
    """Compares two bare numbers where a share is asked for: 0.47 for 47, and 47 for 0.47."""
    if 0 < abs(given.value) < 1 <= abs(expected.value):
        return _near(EXACT.multiply(given.value, _HUNDRED), expected.value, limit)
    if 0 < abs(expected.value) < 1 <= abs(given.value):
        part = _hundredth(given, expected, limit)
        return None if part and about == "part" else part
    return False


def _hundredth(given: Quantity, expected: Quantity, limit: Decimal) -> bool | None:
    """Compares a hundredth of `given` with a fraction of 1.

    The tolerance is half a unit of the reference's last digit on the scale of the prediction, not a
    hundred times that; between the two it stays undecided (79.6 % for 0.8).
    """
    if abs(expected.value) > 1 or (abs(expected.value) == 1 and not expected.is_fraction):
        return False
    part = EXACT.divide(given.value, _HUNDRED)
    own = EXACT.divide(given.quantum or Decimal(1), _HUNDRED) / 2 if expected.is_fraction else _ZERO
    if _near(part, expected.value, max(EXACT.divide(limit, _HUNDRED), own)):
        return True
    return None if _near(part, expected.value, limit) else False


_ZERO = Decimal(0)


def _near(value: Decimal, wanted: Decimal, limit: Decimal) -> bool:
    return abs(EXACT.subtract(value, wanted)) <= limit


def _is_currency(unit: Unit) -> bool:
    return unit.dimension[0][0].startswith("currency") if unit.dimension else False


def _units_unclear(given: Quantity, expected: Quantity) -> bool:
    """True when both name a unit, at least one of them is unknown to us, and the names differ."""
    if not given.measured or not expected.measured or (given.units and expected.units):
        return False
    return given.unit_text.rstrip("s") != expected.unit_text.rstrip("s")


def _limit(given: Quantity, expected: Quantity, tolerance: float | None) -> Decimal:
    """Returns the largest difference that still counts as equal, in the reference's unit."""
    if tolerance is not None:
        return Decimal(repr(float(tolerance)))
    if expected.quantum is not None:
        return expected.quantum / 2
    integral = expected.value == expected.value.to_integral_value(context=EXACT)
    if not integral and given.quantum is not None and given.quantum <= Decimal("0.01"):
        return given.quantum / 2
    return _ZERO
