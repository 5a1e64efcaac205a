"""Numbers written as English words: cardinals, ordinals and simple fractions."""

from __future__ import annotations

import re

_ONES_IN_ORDER = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS_IN_ORDER = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {word: value for value, word in enumerate(_ONES_IN_ORDER.split())}
_TENS = {word: value * 10 for value, word in enumerate(_TENS_IN_ORDER.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS_IN_ORDER = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TENTHS_IN_ORDER = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth"
_ORDINALS = {word: value for value, word in enumerate(_ORDINALS_IN_ORDER.split(), start=1)}
_ORDINALS |= {word: 10 * value for value, word in enumerate(_TENTHS_IN_ORDER.split(), start=2)}
_PARTS = {"half": 2, "halve": 2, "quarter": 4} | {
    word: value for word, value in _ORDINALS.items() if value >= 3
}
_WORD = re.compile(r"[A-Za-z%]+|\S")


def number_from_words(text: str) -> tuple[int, str] | None:
    """Reads a number at the start of `text`.

    Args:
        text: Such as ``"forty-seven people"``.

    Returns:
        The number and the words behind it (``(47, "people")``), or None when `text` does not
        start with a number in words.
    """
    tokens = [token for token in _WORD.findall(text.lower()) if token != "-"]
    sign = 1
    if tokens and tokens[0] in ("minus", "negative"):
        sign, tokens = -1, tokens[1:]
    total = group = used = 0
    last = ""
    for index, token in enumerate(tokens):
        kind = _kind(token)
        if not _may_follow(last, kind, token, tokens[index + 1 : index + 2]):
            break
        if kind == "and":
            continue
        if kind == "scale":
            total, group = total + (group or 1) * _SCALES[token], 0
        elif kind == "hundred":
            group = (group or 1) * 100
        else:
            group += _ONES.get(token, 0) + _TENS.get(token, 0)
        last, used = kind, index + 1
    if not used or (tokens[used : used + 1] and tokens[used] in _ORDINALS and last == "ten"):
        return None  # "twenty-first" is no twenty
    return sign * (total + group), " ".join(tokens[used:])


def part_from_words(text: str) -> tuple[int, int] | None:
    """Reads "half", "two thirds", "a quarter" or "third" as a whole text.

    Returns:
        Numerator and denominator; an ordinal on its own has the denominator 1. Else None.
    """
    words = text.lower().replace("-", " ").split()
    if len(words) == 1:
        return (1, 2) if words == ["half"] else _with_one(_ORDINALS.get(words[0]))
    if len(words) == 2 and words[0] in _TENS and 0 < _ORDINALS.get(words[1], 10) < 10:
        return _TENS[words[0]] + _ORDINALS[words[1]], 1
    if len(words) != 2:
        return None
    count = 1 if words[0] in ("a", "an") else _ONES.get(words[0])
    part = _PARTS.get(words[1].removesuffix("s"))
    return None if not count or part is None else (count, part)


def ordinal_with_noun(text: str) -> tuple[int, str] | None:
    """Reads "fifth floor" as (5, "floor"); None for anything else."""
    first, _, noun = text.lower().partition(" ")
    return (_ORDINALS[first], noun) if noun and first in _ORDINALS else None


CARDINALS = frozenset((*_ONES, *_TENS))
IN_NUMBERS = CARDINALS | frozenset((*_SCALES, "hundred"))
"""What a number in the midst of a sentence begins with, and goes on with."""
FIRST_WORDS = frozenset(
    (*_ONES, *_TENS, *_ORDINALS, "half", "a", "an", "only", "just", "single", "minus", "negative")
)
"""What a number in words begins with."""
_CJK_DIGITS = {
    **dict(zip("〇一二三四五六七八九", range(10), strict=True)),
    **dict(zip("零壹贰叁肆伍陆柒捌玖", range(10), strict=True)),
    "两": 2,
    "兩": 2,
}
_CJK_SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_CJK_NUMBER = re.compile(f"^([{''.join(_CJK_DIGITS)}{''.join(_CJK_SCALES)}万]+)(.{{0,2}})$")


def number_from_cjk(text: str) -> tuple[int, str] | None:
    """Reads "二十五", "三只" or "壹仟贰佰" as a whole text: the number, and what is behind it."""
    match = _CJK_NUMBER.match(text)
    if match is None:
        return None
    total = group = digit = 0
    for char in match[1]:
        if char in _CJK_DIGITS:
            if digit:
                return None  # digits in a row are a code
            digit = _CJK_DIGITS[char]
        elif char == "万":
            total, group, digit = (group + digit or 1) * 10_000, 0, 0
        else:
            group, digit = group + (digit or 1) * _CJK_SCALES[char], 0
    return total + group + digit, match[2]


def _with_one(number: int | None) -> tuple[int, int] | None:
    """Returns a whole number as a fraction."""
    return None if number is None else (number, 1)


def _kind(token: str) -> str:
    """Says what part of a number `token` is; "" when none."""
    if token in _ONES:
        return "one"
    if token in _TENS:
        return "ten"
    if token in _SCALES:
        return "scale"
    return token if token in ("hundred", "and") else ""


def _may_follow(last: str, kind: str, token: str, after: list[str]) -> bool:
    """True when `kind` can continue a number whose last part was `last`."""
    if not kind:
        return False
    if kind == "and":
        return last in ("hundred", "scale") and bool(after) and _kind(after[0]) in ("one", "ten")
    if not last:
        return kind in ("one", "ten")
    if kind == "one":
        return last in ("hundred", "scale") or (last == "ten" and 0 < _ONES[token] < 10)
    if kind == "ten":
        return last in ("hundred", "scale")
    return last in ("one", "ten", "hundred") if kind == "scale" else last == "one"
