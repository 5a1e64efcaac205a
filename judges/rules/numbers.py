"""Numbers in answers: units, currency, separators, percent, fractions, powers of ten, words.

Values are decimals, never binary floats, so that 0.47 and 47 % are exactly equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

from judges.rules.number_words import number_from_words, part_from_words
from judges.rules.units import CURRENCIES, MAGNITUDES, UNITS, Unit

_EXACT = Context(prec=80, traps=[])
_NONE = Decimal(0)
_MAX_LENGTH = 120
_MAX_EXPONENT = 300

_BODY = r"""
    (?P<mixed>\d{1,9}\s+\d{1,9}\s?/\s?[1-9]\d{0,8}(?![\d/]))
  | (?P<fraction>\d{1,12}(?:\.\d{1,12})?\s?/\s?\d{1,12}(?:\.\d{1,12})?(?![\d/]))
  | (?P<comma>\d{1,3}(?:,\d{2,3})*,\d{3}(?![\d,])(?:\.\d+)?)
  | (?P<space>\d{1,3}(?:[ ]\d{3})+(?![\d])(?:\.\d+)?)
  | (?P<dots>\d{1,3}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:\.\d{3})+,\d{1,2})(?![\d.,]))
  | (?P<decimal_comma>\d+,\d{1,2}(?![\d,]))
  | (?P<plain>\d+(?:\.\d*)?|\.\d+)
"""
_NUMBER = rf"""
    (?P<sign>[-+])?\s?
    (?P<currency>[$€£¥₹₩]|(?i:usd|eur|gbp|us\$|rs\.?)\s?)?\s?
    (?P<sign_after>[-+])?
    (?:{_BODY})
    (?:[eE](?P<exponent>[-+]?\d{{1,4}})(?![\d.])
        |\s?[x*]\s?10\s?(?:\^|\*\*)\s?[({{]?\s?(?P<ten>[-+]?\d{{1,4}})\s?[)}}]?
        |(?:\^|\*\*)[({{]?(?P<raised>[-+]?\d{{1,3}})[)}}]?)?
    \s?(?P<magnitude>(?i:hundred|thousand|million|billion|trillion|lakh|crore|dozen|mn|bn|tn)
        |[kKMBT])?
    (?![A-Za-z0-9])
"""
_WHOLE = re.compile(rf"{_NUMBER}(?P<rest>.{{0,40}})$", re.VERBOSE | re.ASCII | re.DOTALL)
_FUSED = re.compile(r"(?<=\d)(?=[A-Za-zµ°])(?![eE][-+]?\d)")
_ANYWHERE = re.compile(rf"(?<![\w.,]){_NUMBER}", re.VERBOSE | re.ASCII)
_UNIT_TEXT = re.compile(r"(?:[A-Za-zµΩ°%$€£¥₹\"' /.*\-]|(?<=[A-Za-z^])[23]|\^)+")
_SECOND_THOUGHTS = (
    "a about am and at because but half halves if in incorrect instead is it maybe more neither no "
    "nor not of or pi pm point quarter quarters rather squared cubed than then third thirds unless "
    "vs was wrong x"
)
_NOT_UNITS = frozenset(_SECOND_THOUGHTS.split())
_COMPOUND = re.compile(
    r"\d{1,6}\s?[A-Za-z]+(?:(?:\s?,)?\s?(?:and\s)?\d{1,6}(?:\.\d+)?\s?[A-Za-z]+){1,3}", re.ASCII
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?([A-Za-z]+)", re.ASCII)
_IN_FRONT = re.compile(r"\b(?:minus|negative)\s+(?=[\d.$€£¥₹₩])", re.IGNORECASE)
_ONE_OF_MANY = re.compile(r"^an?\s+(?=(?:hundred|thousand|[mbtr]+illion|dozen)\b)", re.IGNORECASE)
_DECADE = re.compile(r"\d{1,3}0'?s", re.ASCII)
_ASSIGNMENT = re.compile(r"^[A-Za-z]\w{0,11}\s?[=≈]\s?")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as somebody wrote it.

    Attributes:
        value: The number, magnitude words applied ("2 million" is 2000000), percent not.
        quantum: Size of the last digit written behind a decimal point; None when there is none,
            as in integers and fractions.
        unit: The unit, or None.
        unit_text: The unit's text when it is no unit we know, else "".
        is_fraction: True for "1/3" and "2 1/2".
    """

    value: Decimal
    quantum: Decimal | None = None
    unit: Unit | None = None
    unit_text: str = ""
    is_fraction: bool = False

    @property
    def percent(self) -> bool:
        """True when written with a percent sign or word."""
        return self.unit is not None and self.unit.dimension == "percent"


def parse_quantity(text: str) -> Quantity | None:
    """Reads `text` as one number with an optional unit; None when it is anything else.

    Args:
        text: Cleaned text (see `judges.rules.final_answer.final_answer`).
    """
    if not text or len(text) > _MAX_LENGTH:
        return None
    if _DECADE.fullmatch(text):
        return None
    if text[0].isalpha():
        if not any(char.isdigit() for char in text):
            return _from_words(text)
        text = _IN_FRONT.sub("-", _ASSIGNMENT.sub("", text))
    match = _WHOLE.match(text) or _WHOLE.match(_FUSED.sub(" ", text))
    if match is None:
        return None
    rest = match["rest"].strip(" .")
    if rest and not _looks_like_unit(rest):
        return _compound(text)
    return _build(match, rest)


@lru_cache(maxsize=65536)
def parse_reference(text: str) -> Quantity | None:
    """As `parse_quantity`, remembered: references repeat, sixteen times in a group."""
    return parse_quantity(text)


def find_quantities(text: str) -> list[Quantity]:
    """Returns every number that stands on its own in `text`, without units but percent."""
    found = []
    text = _IN_FRONT.sub("-", text)
    for match in _ANYWHERE.finditer(text):
        tail = text[match.end() : match.end() + 9].lstrip().lower()
        percent = tail.startswith(("%", "percent", "per cent", "pct"))
        quantity = _build(match, "%" if percent else "")
        if quantity is not None:
            found.append(quantity)
    return found


def _from_words(text: str) -> Quantity | None:
    """Reads "forty-seven", "two percent", "two thirds" or "a dozen"."""
    part = part_from_words(text)
    if part is not None:
        value = _EXACT.divide(Decimal(part[0]), Decimal(part[1]))
        return Quantity(value, is_fraction=part[1] > 1)
    if _ONE_OF_MANY.search(text):
        return parse_quantity(_ONE_OF_MANY.sub("1 ", text))
    parsed = number_from_words(text)
    if parsed is None:
        return None
    count, rest = parsed
    if rest and not _looks_like_unit(rest):
        return None
    unit, unit_text = _unit(rest)
    return Quantity(Decimal(count), None, unit, unit_text)


def _compound(text: str) -> Quantity | None:
    """Reads "5 feet 11 inches" or "1 h 30 min": known units of one dimension, the larger first."""
    if _COMPOUND.fullmatch(text) is None:
        return None
    parts = [(Decimal(number), _unit(name)[0]) for number, name in _PART.findall(text)]
    units = [unit for _, unit in parts if unit is not None]
    factors = [unit.factor for unit in units]
    if len(units) < len(parts) or len({unit.dimension for unit in units}) > 1:
        return None
    if factors != sorted(set(factors), reverse=True):
        return None
    total = sum(
        (number * factor for (number, _), factor in zip(parts, factors, strict=True)), _NONE
    )
    return Quantity(_EXACT.divide(total, factors[-1]), unit=units[-1])


def _looks_like_unit(text: str) -> bool:
    """True for up to three words that name a thing or a unit, not a second thought."""
    words = text.lower().replace(".", "").split()
    if len(words) > 3 or _UNIT_TEXT.fullmatch(text) is None:
        return False
    return _NOT_UNITS.isdisjoint(words) or text.lower() in UNITS


def _build(match: re.Match[str], rest: str) -> Quantity | None:
    """Turns a match of the number pattern into a quantity; None when it is out of range."""
    value: Decimal
    quantum: Decimal | None = None
    fraction = match["mixed"] or match["fraction"]
    if fraction:
        divided = _divide(fraction)
        if divided is None:
            return None
        value = divided
    else:
        digits = _digits(match)
        if len(digits) > 60:
            return None
        value = Decimal(digits)
        decimals = len(digits) - digits.index(".") - 1 if "." in digits else 0
        quantum = Decimal(1).scaleb(-decimals) if decimals else None
    scaled = _scale(match, value, quantum)
    if scaled is None:
        return None
    value, quantum = scaled
    if (match["sign"] or match["sign_after"]) == "-":
        value = -value
    unit, unit_text = _unit(rest)
    if match["currency"] and unit is None:
        unit = CURRENCIES[match["currency"].strip().lower().rstrip(".")]
    return Quantity(value, quantum, unit, unit_text, bool(fraction))


def _digits(match: re.Match[str]) -> str:
    """Returns the digits of a match with a point for the decimals and no separators."""
    if match["comma"]:
        return match["comma"].replace(",", "")
    if match["space"]:
        return match["space"].replace(" ", "")
    if match["dots"]:
        return match["dots"].replace(".", "").replace(",", ".")
    if match["decimal_comma"]:
        return match["decimal_comma"].replace(",", ".")
    return match["plain"].rstrip(".") or "0"


def _divide(text: str) -> Decimal | None:
    """Computes "a/b" or "n a/b"; None when the divisor is 0."""
    whole, _, rest = text.rpartition(" ") if re.match(r"\d+\s+\d+\s?/", text) else ("", "", text)
    if whole and "/" in whole:
        whole, rest = text.split(maxsplit=1)
    top, bottom = rest.replace(" ", "").split("/")
    if not Decimal(bottom):
        return None
    return _EXACT.add(_EXACT.divide(Decimal(top), Decimal(bottom)), Decimal(whole or 0))


def _scale(
    match: re.Match[str], value: Decimal, quantum: Decimal | None
) -> tuple[Decimal, Decimal | None] | None:
    """Applies the power of ten and the magnitude word; None when they are out of range."""
    if match["raised"]:
        return _raise(value, int(match["raised"]))
    power = match["exponent"] or match["ten"]
    if power:
        exponent = int(power)
        if abs(exponent) > _MAX_EXPONENT:
            return None
        value = value.scaleb(exponent, _EXACT)
        if quantum is not None:
            quantum = quantum.scaleb(exponent, _EXACT)
        elif exponent < 0:
            quantum = Decimal(1).scaleb(exponent, _EXACT)
    factor = MAGNITUDES.get((match["magnitude"] or "").lower())
    if factor is not None:
        value = _EXACT.multiply(value, factor)
        quantum = _EXACT.multiply(quantum, factor) if quantum is not None else None
    return value, quantum


def _raise(value: Decimal, exponent: int) -> tuple[Decimal, None] | None:
    """Computes "10^6"; None when the result would be huge."""
    if abs(exponent) > 60 or abs(value) > 1000 or (not value and exponent <= 0):
        return None
    return _EXACT.power(value, exponent), None


@lru_cache(maxsize=4096)
def _unit(text: str) -> tuple[Unit | None, str]:
    """Looks a unit up: (unit, "") when known, (None, normalised text) when not."""
    text = text.strip(" .")
    if not text:
        return None, ""
    if text in UNITS:
        return UNITS[text], ""
    lowered = " ".join(text.lower().split())
    for candidate in (lowered, lowered.rstrip("s")):
        if candidate in UNITS:
            return UNITS[candidate], ""
        if candidate in CURRENCIES:
            return CURRENCIES[candidate], ""
    return None, lowered


def quantities_match(
    prediction: Quantity,
    reference: Quantity,
    tolerance: float | None = None,
    fraction_for_percent: bool = False,
) -> bool | None:
    """Compares two numbers.

    Args:
        prediction: The number to be judged.
        reference: The number that is right.
        tolerance: Absolute tolerance in the reference's unit; None: integers and fractions are
            exact, other numbers are right when they agree to the reference's own decimals.
        fraction_for_percent: Whether 0.47 may stand for a bare 47 (and 47 for 0.47), as it may
            when the question is about a share.

    Returns:
        True or False; None when the numbers agree but their units, unknown to us, differ.
    """
    if not _compatible(prediction, reference):
        return False
    limit = _limit(prediction, reference, tolerance)
    if any(
        abs(_EXACT.subtract(value, reference.value)) <= limit
        for value in _readings(prediction, reference, fraction_for_percent)
    ):
        if _units_unclear(prediction, reference):
            return None
        return True
    return False


def _compatible(prediction: Quantity, reference: Quantity) -> bool:
    """False when both carry known units of different dimensions."""
    if prediction.unit is None or reference.unit is None:
        return True
    return prediction.unit.dimension == reference.unit.dimension


def _units_unclear(prediction: Quantity, reference: Quantity) -> bool:
    """True when both name a unit, at least one of them is unknown to us, and the names differ."""
    if not (prediction.unit or prediction.unit_text) or not (reference.unit or reference.unit_text):
        return False
    if prediction.unit is not None and reference.unit is not None:
        return False
    return prediction.unit_text.rstrip("s") != reference.unit_text.rstrip("s")


def _limit(prediction: Quantity, reference: Quantity, tolerance: float | None) -> Decimal:
    """Returns the largest difference that still counts as equal, in the reference's unit."""
    if tolerance is not None:
        return Decimal(repr(float(tolerance)))
    if reference.quantum is not None:
        return reference.quantum / 2
    integral = reference.value == reference.value.to_integral_value(context=_EXACT)
    if not integral and prediction.quantum is not None and prediction.quantum <= Decimal("0.01"):
        return prediction.quantum / 2
    return Decimal(0)


def _readings(
    prediction: Quantity, reference: Quantity, fraction_for_percent: bool
) -> list[Decimal]:
    """Lists what the prediction may mean in the reference's unit."""
    value = prediction.value
    if prediction.unit is not None and reference.unit is not None:
        if prediction.unit.factor == reference.unit.factor:
            return [value]
        scaled = _EXACT.multiply(value, prediction.unit.factor)
        return [_EXACT.divide(scaled, reference.unit.factor)]
    readings = [value]
    if prediction.percent and abs(reference.value) <= 1:
        readings.append(value.scaleb(-2, _EXACT))
    shares = abs(value) < 1 and value != 0
    if shares and (reference.percent or (fraction_for_percent and not prediction.percent)):
        readings.append(value.scaleb(2, _EXACT))
    if fraction_for_percent and abs(reference.value) < 1 < abs(value) and not prediction.percent:
        readings.append(value.scaleb(-2, _EXACT))
    return readings
