"""Dates and times of day, in the forms people write them."""

from __future__ import annotations

import re

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
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WRITTEN = tuple(
    re.compile(rf"^{_WEEKDAY}{form}$", re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_DAY}\s*(?:of\s+)?[-\s]?\s*{_MONTH},?[-\s]*(?P<year>\d{{4}})?",
        rf"{_MONTH}\s*{_DAY}(?:,?\s*(?P<year>\d{{4}}))?",
        rf"{_MONTH},?[-\s]*(?P<year>\d{{4}})",
    )
)
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?$", re.ASCII)
_SLASHED = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})$", re.ASCII)
_TIME = re.compile(
    r"^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(?:([ap])\.?\s?m\.?)?$", re.IGNORECASE | re.ASCII
)

Moment = tuple[int, ...]


def parse_dates(text: str) -> frozenset[Moment]:
    """Returns every date that `text` may mean; empty when it is no date.

    A date is (year, month, day) with 0 for a part that is left out; ``03/04/2019`` means two.
    """
    match = _ISO.match(text)
    if match:
        return _valid((int(match[1]), int(match[2]), int(match[3] or 0)))
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
    """Returns (hour, minute, second) of a time of day, or None; a bare number is no time."""
    match = _TIME.match(text)
    if match is None or not (match[2] or match[4]):
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def moments_match(prediction: str, reference: str) -> bool | None:
    """Compares two dates or times of day; None when the reference or prediction is neither.

    Two dates in an ambiguous form count as equal only in the same reading.
    """
    expected = parse_dates(reference)
    if expected:
        given = parse_dates(prediction)
        if not given:
            return None
        return given == expected if len(given) > 1 and len(expected) > 1 else bool(given & expected)
    time = parse_time(reference)
    if time is None:
        return None
    given_time = parse_time(prediction)
    return None if given_time is None else given_time == time


def _valid(date: Moment) -> frozenset[Moment]:
    """Returns the date in a set, or an empty set when its month or day cannot be."""
    _, month, day = date
    return frozenset({date}) if 1 <= month <= 12 and 0 <= day <= 31 else frozenset()


def _century(year: int) -> int:
    """Completes a two-digit year: 69 to 99 in the 1900s, the rest in the 2000s."""
    return year + (1900 if year >= 69 else 2000)
