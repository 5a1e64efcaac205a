"""Options of a multiple-choice question: read from a row, and shown to the policy with letters."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from judges.rules.choices import options_in
from vt_env.data.schemas import RowError
from vt_env.data.text import literal, quoted

LETTERS = string.ascii_uppercase
OPTION_COLUMNS = ("choices", "options")
"""Columns that hold all options; else they are in columns called ``A``, ``B``, …"""

_MARKS = r"[.):\]．、：）]"
_OWN_LETTER = re.compile(rf"[(\[（]?\s*([A-Za-z])\s*{_MARKS}+\s*(\S.*)", re.DOTALL)


def lettered(options: Sequence[str]) -> str:
    """The options as lines ``A. …``, ``B. …``; letters of their own are not said twice."""
    texts = _without_letters(options)
    return "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))


@lru_cache(maxsize=4096)
def asked(question: str, options: tuple[str, ...] | None) -> str:
    """What the policy is asked: the question and its lettered options.

    Args:
        question: The question.
        options: Its options, or None.

    Returns:
        The question as it is where it has no options or lists them already.
    """
    if not options or lists_options(question, options):
        return question
    return f"{question}\n{lettered(options)}"


def lists_options(question: str, options: Sequence[str]) -> bool:
    """Whether a question lists all of its options, in order and with their letters.

    A letter has a mark (``A.``, ``(A)``, ``A:``), or the options are parts of a sentence: "… A
    red, B blue or C green?".
    """
    position = 0
    options = _without_letters(options)
    for letter, option in zip(LETTERS, options, strict=False):
        text = r"\s+".join(map(re.escape, option.split()))
        marked = rf"{letter}\s*{_MARKS}+\s*{text}"
        said = rf"{letter}\s+{text}(?=\s*(?:[,;?\n]|or\b|$))"
        found = re.compile(rf"(?<![^\W_])(?:{marked}|{said})").search(question, position)
        if found is None:
            return _same(options_in(question), options)
        position = found.end()
    return True


def check_order(question: str, options: Sequence[str]) -> None:
    """Refuses a question that lists its options in another order than their column has.

    Raises:
        RowError: If it does; a letter would mean two things.
    """
    listed = options_in(question)
    if listed is None or _same(listed, options):
        return
    if sorted(map(text_of, listed)) == sorted(map(text_of, options)):
        raise RowError(
            "question", "lists the options in another order than the column of options does."
        )


def _same(listed: Sequence[str] | None, options: Sequence[str]) -> bool:
    return listed is not None and list(map(text_of, listed)) == list(map(text_of, options))


def text_of(option: str) -> str:
    """The form in which two options are equal: case, white space and a full stop do not count."""
    return " ".join(option.split()).casefold().rstrip(".")


def read_options(row: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, frozenset[str]]:
    """Reads the options of a question; of one of kind ``choice`` also those that it lists itself.

    Args:
        row: A row in the plain schema.

    Returns:
        The options, their own letters taken off, or None; and the columns that they were in.

    Raises:
        RowError: If a column of options cannot be used, or two of them differ.
    """
    given = [name for name in OPTION_COLUMNS if name in row and not _absent(row[name])]
    found = {name: _options(name, row[name]) for name in given}
    if "A" in row and "B" in row and not any(found.values()):
        columns = [letter for letter in LETTERS if letter in row]
        by_letter = {letter: row[letter] for letter in columns}
        return _checked("A", _by_letter("A", by_letter)), frozenset((*OPTION_COLUMNS, *columns))
    known = {name: options for name, options in found.items() if options}
    if len(set(known.values())) > 1:
        raise RowError("options", "differ from choices; keep one of the two columns.")
    if not known and row.get("kind") == "choice" and isinstance(row.get("question"), str):
        return options_in(row["question"]), frozenset(OPTION_COLUMNS)
    return next(iter(known.values()), None), frozenset(OPTION_COLUMNS)


def _options(field: str, value: object) -> tuple[str, ...] | None:
    """Options as a list, as a dict by letter, or as either in a string."""
    if isinstance(value, str):
        value = _parsed(field, value)
    if isinstance(value, Mapping):
        labels = value.get("label")
        if isinstance(labels, list | tuple) and isinstance(value.get("text"), list | tuple):
            value = dict(zip(labels, value["text"], strict=False))
        return _checked(field, _by_letter(field, value))
    if not isinstance(value, list | tuple):
        raise RowError(field, "expected a list of texts.")
    return _checked(field, list(value))


def _parsed(field: str, text: str) -> object:
    """The list or dict that a string writes, in JSON, in Python, or as ``A. … B. …``."""
    value: object = literal(text)
    if value is None:
        value = options_in(text)
    if value is None:
        raise RowError(field, f"expected a list of texts, got {quoted(text)}.")
    return value


def _by_letter(field: str, given: Mapping[Any, Any]) -> list[Any]:
    """Orders options by their letters, which must be A, B, … without a gap."""
    by_letter = {str(key).strip().upper(): value for key, value in given.items()}
    present = [letter for letter, value in by_letter.items() if not _absent(value)]
    expected = list(LETTERS[: len(present)])
    if sorted(present) != expected or len(by_letter) != len(given):
        names = ", ".join(map(str, sorted(present)))
        raise RowError(field, f"expected options A, B, … without a gap, got {quoted(names)}.")
    return [by_letter[letter] for letter in expected]


def _absent(value: object) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return True  # what pandas writes for an empty cell
    return value is None or (isinstance(value, str) and not value.strip())


def _checked(field: str, values: list[Any]) -> tuple[str, ...] | None:
    """Options as texts; None for an empty list, which is how free questions look among others."""
    while values and _absent(values[-1]):
        values = values[:-1]
    if not values:
        return None
    numeric = all(isinstance(item, int | float) and not isinstance(item, bool) for item in values)
    texts = [repr(item) for item in values] if numeric else values
    if not all(isinstance(item, str) for item in texts):
        raise RowError(field, "expected a list of texts.")
    if len(texts) < 2:
        raise RowError(field, f"expected at least two options, got {len(texts)}.")
    if len(texts) > len(LETTERS):
        raise RowError(field, f"expected at most {len(LETTERS)} options, got {len(texts)}.")
    if not all(item.strip() for item in texts):
        raise RowError(field, "holds an empty option.")
    return _without_letters(texts)


def _without_letters(options: Sequence[str]) -> tuple[str, ...]:
    """Takes ``A.``, ``(B)``, … off where every option begins with its own letter."""
    matches = [_OWN_LETTER.fullmatch(option.strip()) for option in options]
    own = [
        match is not None and match[1].upper() == letter
        for match, letter in zip(matches, LETTERS, strict=False)
    ]
    if not all(own):
        return tuple(options)
    return tuple(match[2] for match in matches if match is not None)
