"""Numbers in answers: units, currency, separators, percent, fractions, powers of ten, words.

Values are decimals, never binary floats, so that 0.47 and 47 % are exactly equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

from judges.rules.hints import Hint
from judges.rules.numeric.number_words import (
    FIRST_WORDS,
    number_from_cjk,
    number_from_words,
    ordinal_with_noun,
    part_from_words,
)
from judges.rules.numeric.unit_table import CURRENCIES, MAGNITUDES, Unit
from judges.rules.numeric.units import find_unit

EXACT = Context(prec=80, traps=[])
_NONE = Decimal(0)
_MAX_LENGTH = 120
_MAX_EXPONENT = 300

_BODY = r"""
    (?P<mixed>\d{1,9}\s+\d{1,9}\s?/\s?[1-9]\d{0,8}(?![\d/]))
  | (?P<fraction>\d{1,12}(?:\.\d{1,12})?\s?/\s?\d{1,12}(?:\.\d{1,12})?(?![\d/]))
  | (?P<decimal_comma>(?:\d+,\d{1,2}|0,\d+)(?![\d,]))
  | (?P<comma>\d{1,3}(?:,\d{2,3})*,\d{3}(?![\d,])(?:\.\d+)?)
  | (?P<space>\d{1,3}(?:[ ]\d{3})+(?![\d])(?:[.,]\d+)?)
  | (?P<dots>\d{1,3}(?:(?:\.\d{3}){2,}(?:,\d+)?|(?:\.\d{3})+,\d{1,2})(?![\d.,]))
  | (?P<plain>\d+(?:\.\d*)?|\.\d+)
"""
_NUMBER = rf"""
    (?P<sign>[-+])?\s?
    (?P<currency>(?:US|HK|CA|AU|C|A)?[$]|[€£¥₹₩]|(?i:usd|eur|gbp|jpy|cny|rmb|inr|chf|rs\.?)\s?)?\s?
    (?P<sign_after>[-+])?
    (?:{_BODY})
    (?:[eE](?P<exponent>[-+]?\d{{1,4}})(?![\d.])
        |\s?[x*]\s?10\s?(?:\^|\*\*)\s?[({{]?\s?(?P<ten>[-+]?\d{{1,4}})\s?[)}}]?
        |(?:\^|\*\*)[({{]?(?P<raised>[-+]?\d{{1,3}})[)}}]?)?
    \s?(?P<magnitude>(?i:hundred|thousands?|millions?|billions?|trillions?|lakhs?|crores?|dozen
        |mn|mln|bn|bln|tn|trn)(?![A-Za-z])|k(?![A-Za-z0-9])|[万亿億만억])?
    (?:\s?(?P<letter>[KMBTmbt])(?![A-Za-z0-9/^*°]))?
    (?![A-Za-z0-9])
"""
_WHOLE = re.compile(rf"{_NUMBER}(?P<rest>.{{0,40}})$", re.VERBOSE | re.ASCII | re.DOTALL)
_SIMPLE = re.compile(r"[-+]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_FUSED = re.compile(r"(?<=\d)(?=[A-Za-zµμΩ°℃])(?![eE][-+]?\d)")
_ANYWHERE = re.compile(rf"(?<![\w.,]){_NUMBER}", re.VERBOSE | re.ASCII)
_UNIT_TEXT = re.compile(
    r"(?:[A-Za-zµμΩÅ°℃℉%$€£¥₹₩¢\"'’ /.*\-\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
    r"|(?<=[A-Za-z^])[23]|\^-?[1-3]?)+"
)
_SECOND_THOUGHTS = (
    "a above about am and at because below but down fewer greater half halves higher if in "
    "incorrect instead is it less lower maybe minus more neither no nor not of or over pi plus pm "
    "point quarter quarters rather squared cubed than then third thirds under "
    "unless up vs was wrong x"
)
_NOT_UNITS = frozenset(_SECOND_THOUGHTS.split())
_COMPOUND = re.compile(
    r"\d{1,6}\s?[A-Za-z]+(?:(?:\s?,)?\s?(?:and\s)?\d{1,6}(?:\.\d+)?\s?[A-Za-z]+){1,3}", re.ASCII
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?([A-Za-z]+)", re.ASCII)
_IN_FRONT = re.compile(r"\b(?:minus|negative)\s+(?=[\d.$€£¥₹₩])", re.IGNORECASE)
_SIGN_WORD = Hint("minus|negative")
_ONE_OF_MANY = re.compile(r"^an?\s+(?=(?:hundred|thousand|[mbtr]+illion|dozen)\b)", re.IGNORECASE)
_SINGLE = re.compile(r"^(?:only\s+|just\s+)?(?:an?\s+|one\s+)?single\s+[a-z]+$", re.IGNORECASE)
_PAIR = re.compile(r"^(?:an?|one)\s+pair(?:\s+of\s+[a-z ]+)?$", re.IGNORECASE)
# What a number can begin with; most texts do not, and are told off here.
_START = re.compile(
    r"[-+$€£¥₹₩.\d]|(?:US|HK|CA|AU|C|A)\$|(?:usd|eur|gbp|jpy|cny|rmb|inr|chf|rs)\b", re.IGNORECASE
)
_ORDINAL = re.compile(r"^(\d+)(?:st|nd|rd|th)\b", re.ASCII)
_DIGIT = re.compile(r"\d")
_DECADE = re.compile(r"\d{1,3}0'?s", re.ASCII)
_ASSIGNMENT = re.compile(
    r"^(?:m\s?)?(?:\\m?angle|∠|\\triangle|△|\\overline|\\text)?\s*\{?[A-Za-z]\w{0,11}\}?\s?[=≈]\s?"
)
_PRESSURE = re.compile(r"mm\s?hg", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as somebody wrote it.

    Attributes:
        value: The number, magnitude words applied ("2 million" is 2000000), percent not.
        quantum: Size of the last digit written behind a decimal point; None when there is none,
            as in integers and fractions.
        units: What the unit may be, the likeliest first; empty when none or none we know.
        unit_text: The unit's text when it is no unit we know, else "".
        is_fraction: True for "1/3" and "2 1/2".
        letter: The magnitude that a bare capital behind the number would be ("300 K"), else None.
        has_magnitude: True when a magnitude was named beyond doubt ("million", "$5M").
    """

    value: Decimal
    quantum: Decimal | None = None
    units: tuple[Unit, ...] = ()
    unit_text: str = ""
    is_fraction: bool = False
    letter: Decimal | None = None
    has_magnitude: bool = False

    @property
    def percent(self) -> bool:
        """True when written with a percent sign or word."""
        return bool(self.units) and self.units[0].percent

    @property
    def measured(self) -> bool:
        """True when anything is named behind the number."""
        return bool(self.units or self.unit_text)


def parse_quantity(text: str) -> Quantity | None:
    """Reads `text` as one number with an optional unit; None when it is anything else.

    Args:
        text: Cleaned text (see `judges.rules.final_answer`).
    """
    if _SIMPLE.fullmatch(text):
        point = text.find(".")
        return Quantity(
            Decimal(text), None if point < 0 else Decimal(1).scaleb(point + 1 - len(text))
        )
    if not text or len(text) > _MAX_LENGTH or _DECADE.fullmatch(text):
        return None
    if text[0].isalpha() or text[0] in "\\∠△":
        if not _DIGIT.search(text):
            return _from_words(text)
        assigned = _ASSIGNMENT.match(text)
        text = _negated(text[assigned.end() :] if assigned else text)
    if _START.match(text) is None:
        return None
    if ordinal := _ORDINAL.match(text):
        text = ordinal[1] + text[ordinal.end() :]
    match = _WHOLE.match(text)
    if match is None and _FUSED.search(text):
        match = _WHOLE.match(_FUSED.sub(" ", text))
    return _with_unit(match, text) if match is not None else None


def _negated(text: str) -> str:
    """Writes a sign for the word that says it, in front of digits."""
    return _IN_FRONT.sub("-", text) if _SIGN_WORD.isin(text) else text


def _with_unit(match: re.Match[str], text: str) -> Quantity | None:
    """Builds the quantity of a whole text, if what stands behind its number is a unit."""
    rest = match["rest"].strip(" .")
    if rest and not _looks_like_unit(rest):
        return _compound(text)
    if match["fraction"] and _PRESSURE.match(rest):
        return None  # 120/80 mmHg is two numbers
    return _build(match, rest)


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> Quantity | None:
    """As `parse_quantity`, remembered: references repeat, sixteen times in a group."""
    return parse_quantity(text)


def find_quantities(text: str) -> list[tuple[int, int, Quantity]]:
    """Returns every number that stands on its own in `text`: where it begins, ends, and what it is.

    A unit is read where it is one beyond doubt: one we know, of more than a letter.
    """
    found = []
    for match in _ANYWHERE.finditer(text):
        end, unit = _unit_behind(text, match.end())
        quantity = _build(match, unit)
        if quantity is not None:
            found.append((match.start(), end, quantity))
    return found


_WORDS_BEHIND = re.compile(
    r"\s?((?:%|[°µμΩ]?[A-Za-z$€£¥Ω℃]+)(?:\^?[23])?(?:\s?/\s?[A-Za-z]+(?:\^?[23])?| per [A-Za-z]+)?"
    r"|(?:square|cubic|degrees?|percentage|nautical|us|per) [A-Za-z]+)(?![\w])",
    re.IGNORECASE,
)
_NO_UNIT_IN_A_SENTENCE = frozenset(
    {"in", "a", "at", "min", "h", "s", "c", "d", "t", "b", "pp", "bar"}
)


def _unit_behind(text: str, end: int) -> tuple[int, str]:
    """Returns where the known unit behind a number ends, and its text; "" when there is none."""
    match = _WORDS_BEHIND.match(text, end)
    if match is None:
        return end, ""
    name = match[1]
    if name.lower() in _NO_UNIT_IN_A_SENTENCE and text[match.end() :].strip(" .)$"):
        return end, ""
    if find_unit(name):
        return match.end(), name
    first = name.split()[0]
    known = len(first) > 2 and first.lower() not in _NO_UNIT_IN_A_SENTENCE and find_unit(first)
    return (match.start(1) + len(first), first) if known else (end, "")


def _from_words(text: str) -> Quantity | None:
    """Reads "forty-seven", "two percent", "two thirds", "a dozen" or "a pair"."""
    if not text.isascii():
        written = number_from_cjk(text)
        return written and Quantity(Decimal(written[0]), None, *_unit(written[1]))
    if text.split(maxsplit=1)[0].lower().partition("-")[0] not in FIRST_WORDS:
        return None
    if _ONE_OF_MANY.search(text):
        return parse_quantity(_ONE_OF_MANY.sub("1 ", text))
    part = part_from_words(text)
    if part is not None:
        value = EXACT.divide(Decimal(part[0]), Decimal(part[1]))
        return Quantity(value, is_fraction=part[1] > 1)
    return _counted(text)


def _counted(text: str) -> Quantity | None:
    """Reads "forty-seven people", "a single cup" and "a pair of shoes"."""
    if _SINGLE.match(text):
        return Quantity(Decimal(1), unit_text=text.rsplit(maxsplit=1)[-1].lower())
    parsed = (2, "") if _PAIR.match(text) else number_from_words(text) or ordinal_with_noun(text)
    if parsed is None:
        return None
    count, rest = parsed
    if rest.split(maxsplit=1)[:1] == ["dozen"]:
        count, rest = count * 12, rest[5:].strip()
    if rest and not _looks_like_unit(rest):
        return None
    return Quantity(Decimal(count), None, *_unit(rest))


def _compound(text: str) -> Quantity | None:
    """Reads "5 feet 11 inches" or "1 h 30 min": known units of one dimension, the larger first."""
    if _COMPOUND.fullmatch(text) is None:
        return None
    parts = [(Decimal(number), find_unit(name)) for number, name in _PART.findall(text)]
    units = [unit[0] for _, unit in parts if unit]
    factors = [unit.factor for unit in units]
    if len(units) < len(parts) or len({unit.dimension for unit in units}) > 1:
        return None
    if factors != sorted(set(factors), reverse=True):
        return None
    total = sum(
        (number * factor for (number, _), factor in zip(parts, factors, strict=True)), _NONE
    )
    return Quantity(EXACT.divide(total, factors[-1]), units=(units[-1],))


def _looks_like_unit(text: str) -> bool:
    """True for up to three words that name a thing or a unit, not a second thought."""
    if text in ("%", "°"):
        return True
    words = text.lower().replace(".", "").split()
    if len(words) > 4 or _UNIT_TEXT.fullmatch(text) is None:
        return False
    if find_unit(text):
        return True
    return len(words) <= 3 and _NOT_UNITS.isdisjoint(words) and (text.isascii() or len(text) <= 3)


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
    currency = match["currency"]
    named = match["magnitude"]
    letter = match["letter"]
    if letter and not rest and not currency and letter in "mbt":
        rest, letter = letter, None  # 5 m is five metres
    certain = bool(letter) and bool(currency or rest)  # $5M, 5M people
    scaled = _scale(match, value, quantum, (letter if certain else "") or named or "")
    if scaled is None:
        return None
    value, quantum = scaled
    if (match["sign"] or match["sign_after"]) == "-":
        value = -value
    units, unit_text = _unit(letter if letter and not certain else rest)
    if currency and not units:
        units = (CURRENCIES[currency.strip().lower().rstrip(".")],)
    doubtful = MAGNITUDES[letter.lower()] if letter and not certain else None
    return Quantity(
        value, quantum, units, unit_text, bool(fraction), doubtful, bool(named) or certain
    )


def _digits(match: re.Match[str]) -> str:
    """Returns the digits of a match with a point for the decimals and no separators."""
    if match["comma"]:
        return match["comma"].replace(",", "")
    if match["space"]:
        return match["space"].replace(" ", "").replace(",", ".")
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
    return EXACT.add(EXACT.divide(Decimal(top), Decimal(bottom)), Decimal(whole or 0))


def _scale(
    match: re.Match[str], value: Decimal, quantum: Decimal | None, magnitude: str
) -> tuple[Decimal, Decimal | None] | None:
    """Applies the power of ten and the magnitude word; None when they are out of range."""
    if match["raised"]:
        return _raise(value, int(match["raised"]))
    power = match["exponent"] or match["ten"]
    if power:
        exponent = int(power)
        if abs(exponent) > _MAX_EXPONENT:
            return None
        value = value.scaleb(exponent, EXACT)
        if quantum is not None:
            quantum = quantum.scaleb(exponent, EXACT)
        elif exponent < 0:
            quantum = Decimal(1).scaleb(exponent, EXACT)
    factor = MAGNITUDES[magnitude.lower()] if magnitude else None
    if factor is not None:
        value = EXACT.multiply(value, factor)
        quantum = EXACT.multiply(quantum, factor) if quantum is not None else None
    return value, quantum


def _raise(value: Decimal, exponent: int) -> tuple[Decimal, None] | None:
    """Computes "10^6"; None when the result would be huge."""
    if abs(exponent) > 60 or abs(value) > 1000 or (not value and exponent <= 0):
        return None
    return EXACT.power(value, exponent), None


@lru_cache(maxsize=4096)
def _unit(text: str) -> tuple[tuple[Unit, ...], str]:
    """Looks a unit up: its readings and "" when known, else () and its normalised text."""
    text = text.strip(" .")
    if not text:
        return (), ""
    units = find_unit(text)
    return (units, "") if units else ((), " ".join(text.lower().split()))
