"""Dates and times of day, in the forms people write them."""

from __future__ import annotations

import re

from judges.rules.numeric.number_words import number_from_words

_MONTHS = {
    name: index
    for index, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_WEEKDAY = r"(?:(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+))?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WRITTEN = tuple(
    re.compile(rf"^{_WEEKDAY}(?:the\s+)?{form}$", re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_DAY}\s*(?:of\s+)?[-\s]?\s*{_MONTH},?[-\s]*(?P<year>\d{{4}})?",
        rf"{_MONTH}\s*(?:the\s+)?{_DAY}(?:,?\s*(?P<year>\d{{4}}))?",
        rf"{_MONTH},?[-\s]*(?P<year>\d{{4}})",
    )
)
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?$", re.ASCII)
_MONTH_YEAR = re.compile(r"^(\d{1,2})[/.-](\d{4})$", re.ASCII)
_SLASHED = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})$", re.ASCII)
_CJK = re.compile(r"^(?:(\d{4})\s?年\s?)?(\d{1,2})\s?月(?:\s?(\d{1,2})\s?[日号])?$", re.ASCII)
_KOREAN = re.compile(r"^(?:(\d{4})\s?년\s?)?(\d{1,2})\s?월(?:\s?(\d{1,2})\s?일)?$", re.ASCII)
_TIME = re.compile(
    r"^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(?:([ap])\.?\s?m\.?|o'?clock)?"
    r"(?:\s+in\s+the\s+(morning|afternoon|evening)|\s+at\s+(night))?$",
    re.IGNORECASE | re.ASCII,
)
_TIME_IN_SENTENCE = re.compile(
    r"(?<![\d:.])\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]\.?\s?m\b\.?)?(?![\d:])",
    re.IGNORECASE | re.ASCII,
)
_SPOKEN = re.compile(
    r"^(?:(half|quarter|a quarter|[a-z]+(?:[ -][a-z]+)?)(?:\s+minutes?)?\s+(past|to|after|till)\s+)"
    r"([a-z]+|\d{1,2})(?:\s*([ap])\.?\s?m\.?)?$",
    re.IGNORECASE,
)
_SENTENCE_DOUBT = re.compile(
    r"\b(?:not|no|or|between|before|after|past|to|until|about|almost|nearly|around)\b",
    re.IGNORECASE,
)

# What a date or a time begins with; most texts are neither, and are told so at once.
_MAY_BE_MOMENT = re.compile(
    r"\d{1,4}(?=\s?[-/.:年月년월]|\s?[a-z])|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|"
    r"(?:the\s+\d|half|(?:a\s+)?quarter|[a-z]+(?:[ -][a-z]+)?(?:\s+minutes?)?\s+"
    r"(?:past|to|after|till|o'clock))\b",
    re.IGNORECASE,
)

Moment = tuple[int, ...]


def may_be_moment(text: str) -> bool:
    """True when `text` begins as a date or a time does; told at once, for most texts do not."""
    return len(text) <= 60 and _MAY_BE_MOMENT.match(text) is not None


def parse_dates(text: str) -> frozenset[Moment]:
    """Returns every date that `text` may mean; empty when it is no date.

    A date is (year, month, day) with 0 for a part that is left out; ``03/04/2019`` means two.
    """
    match = _ISO.match(text)
    if match:
        return _valid((int(match[1]), int(match[2]), int(match[3] or 0)))
    match = _MONTH_YEAR.match(text)
    if match:
        return _valid((int(match[2]), int(match[1]), 0))
    match = _CJK.match(text) or _KOREAN.match(text)
    if match:
        return _valid((int(match[1] or 0), int(match[2]), int(match[3] or 0)))
    match = _SLASHED.match(text)
    if match:
        year = int(match[3]) if len(match[3]) == 4 else _century(int(match[3]))
        first, second = int(match[1]), int(match[2])
        return _valid((year, second, first)) | _valid((year, first, second))
    for form in _WRITTEN:
        match = form.match(text)
        if match:
            parts = match.groupdict()
            month = _MONTHS[parts["month"].lower()]
            return _valid((int(parts.get("year") or 0), month, int(parts.get("day") or 0)))
    return frozenset()


def parse_time(text: str) -> Moment | None:
    """Returns (hour, minute, second, half) of a time of day, or None; a bare number is no time.

    `half` is 1 where the half of the day is certain, 0 where ``2:30`` may be in either.
    """
    match = _TIME.match(text)
    if match is None:
        return _spoken_time(text) if text[:1].isalpha() else None
    named = match[4] or match[5] or match[6]
    if not (match[2] or named or "clock" in text.lower()):
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if named:
        if not 1 <= hour <= 12:
            return None
        late = named.lower() in ("p", "afternoon", "evening", "night")
        hour = hour % 12 + (12 if late else 0)
    certain = bool(named) or hour > 12 or hour == 0 or text.startswith("0")
    valid = hour < 24 and minute < 60 and second < 60
    return (hour, minute, second, int(certain)) if valid else None


def moments_match(prediction: str, reference: str) -> bool | None:
    """Compares two dates or times of day; None when either is neither, or is told in less detail.

    Two dates in an ambiguous form count as equal only in the same reading; a day without its year
    and a time without its half of the day leave the rest undecided.
    """
    if not may_be_moment(reference):
        return None
    expected = parse_dates(reference)
    if expected:
        given = parse_dates(prediction)
        return _dates_match(given, expected, prediction, reference) if given else None
    time = parse_time(reference)
    if time is None:
        return None
    given_time = parse_time(prediction) or _time_in_sentence(prediction)
    return None if given_time is None else _times_match(given_time, time)


def _dates_match(
    given: frozenset[Moment], expected: frozenset[Moment], prediction: str, reference: str
) -> bool | None:
    """Compares two sets of readings, part by part where one leaves a part out."""
    days = {_weekday(prediction), _weekday(reference)} - {""}
    if len(given) > 1 and len(expected) > 1:
        outcome: bool | None = given == expected
    elif given & expected:
        outcome = True
    else:
        fuller = any(
            all(a == b or 0 in (a, b) for a, b in zip(left, right, strict=True))
            for left in given
            for right in expected
        )
        outcome = None if fuller else False
    return outcome if len(days) < 2 or not outcome else None


def _weekday(text: str) -> str:
    match = re.match(r"(mon|tue|wed|thu|fri|sat|sun)", text, re.IGNORECASE)
    return match[1].lower() if match else ""


def _times_match(given: Moment, expected: Moment) -> bool | None:
    """Compares two times; undecided when only the half of the day may part them."""
    if given[3] == expected[3]:
        return given[:3] == expected[:3]
    if given[:3] == expected[:3] and given[0] > 0:
        return True if expected[3] == 0 or (given[0] < 12 and expected[0] < 12) else None
    return None if given[0] % 12 == expected[0] % 12 and given[1:3] == expected[1:3] else False


def _time_in_sentence(text: str) -> Moment | None:
    """Returns the one time of day in a sentence such as "The clock shows 10:10"."""
    found = _TIME_IN_SENTENCE.findall(text) if ":" in text and len(text) < 200 else []
    return parse_time(found[0]) if len(found) == 1 and not _SENTENCE_DOUBT.search(text) else None


def _spoken_time(text: str) -> Moment | None:
    """Reads "half past two" and "quarter to five"."""
    match = _SPOKEN.match(text)
    if match is None:
        words = text.lower().split()
        hours = number_from_words(words[0]) if len(words) == 2 and "clock" in words[1] else None
        return (hours[0], 0, 0, 0) if hours and 1 <= hours[0] <= 12 else None
    part = match[1].lower().removeprefix("a ")
    counted = number_from_words(part)
    minutes = {"half": 30, "quarter": 15}.get(part) or (counted[0] if counted else None)
    hour_words = number_from_words(match[3])
    hour = int(match[3]) if match[3].isdigit() else (hour_words[0] if hour_words else 0)
    if minutes is None or not 1 <= hour <= 12 or not 0 < minutes < 60:
        return None
    if match[2].lower() in ("to", "till"):
        hour, minutes = (hour - 2) % 12 + 1, 60 - minutes
    if match[4]:
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    return (hour, minutes, 0, int(bool(match[4])))


def _valid(date: Moment) -> frozenset[Moment]:
    """Returns the date in a set, or an empty set when its month or day cannot be."""
    _, month, day = date
    return frozenset({date}) if 1 <= month <= 12 and 0 <= day <= 31 else frozenset()


def _century(year: int) -> int:
    """Completes a two-digit year: 69 to 99 in the 1900s, the rest in the 2000s."""
    return year + (1900 if year >= 69 else 2000)
