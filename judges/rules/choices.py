"""Multiple choice: by letter, by text, or by both when they agree."""

from __future__ import annotations

import re
from functools import lru_cache

from judges.rules.final_answer import final_answer, text_key
from judges.rules.numbers import Quantity, parse_quantity, quantities_match

_LETTER_ALONE = re.compile(
    r"^(?i:(?:the\s+)?(?:answer|option|choice|letter)\s+|i\s+(?:choose|pick|select)\s+)?[\[(]?\s*([A-Za-z])\s*[\])]?[.:)]?$"
)
_LETTER_FIRST = re.compile(
    r"^(?i:(?:option|choice|letter)\s+)?(?:[\[(]\s*([A-Za-z])\s*[\])][.:]?|([A-Za-z])\s*[.:)]|"
    r"([A-Z])\s+-)\s*(.+)$",
    re.DOTALL,
)
_LETTER_LAST = re.compile(r"^(.+?)\s*[\[(]\s*(?:option\s+)?([A-Za-z])\s*[\])]$", re.DOTALL)
_OPTION = re.compile(r"(?:(?<=\s)|^)\(?([A-Z])[.):]\s+")


def letter_of(text: str) -> str | None:
    """Returns the upper-case letter when `text` is an option's letter and nothing else."""
    match = _LETTER_ALONE.match(text)
    return match[1].upper() if match else None


@lru_cache(maxsize=4096)
def options_in(question: str) -> tuple[str, ...] | None:
    """Reads the options (A), (B), … out of a question; None when it has none."""
    marks = list(_OPTION.finditer(question))
    start = next((i for i, mark in enumerate(marks) if mark[1] == "A"), None)
    if start is None:
        return None
    options: list[str] = []
    for index, mark in enumerate(marks[start:]):
        if mark[1] != chr(ord("A") + index):
            break
        following = marks[start + index + 1 : start + index + 2]
        end = following[0].start() if following else len(question)
        options.append(question[mark.end() : end].strip(" \n\t,;"))
    return tuple(options) if len(options) >= 2 else None


@lru_cache(maxsize=4096)
def _keys(choices: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the comparison keys of the options, their own letter prefixes taken off."""
    keys = []
    for index, choice in enumerate(choices):
        match = _LETTER_FIRST.match(choice.strip())
        letter = match and (match[1] or match[2] or match[3])
        own = match is not None and bool(letter) and str(letter).upper() == chr(65 + index)
        keys.append(text_key(match[4] if match is not None and own else choice))
    return tuple(keys)


@lru_cache(maxsize=4096)
def _numbers(choices: tuple[str, ...]) -> tuple[Quantity | None, ...]:
    """Returns the options as numbers, where they are."""
    return tuple(parse_quantity(final_answer(choice)) for choice in choices)


def _by_text(text: str, choices: tuple[str, ...]) -> int | None:
    """Returns the one option that says the same, or is the same number."""
    found = [index for index, key in enumerate(_keys(choices)) if key == text_key(text)]
    number = parse_quantity(text) if len(found) != 1 else None
    if number is not None:
        found = [
            index
            for index, option in enumerate(_numbers(choices))
            if option is not None and quantities_match(number, option)
        ]
    return found[0] if len(found) == 1 else None


def _by_letter(letter: str | None, text: str) -> int | None:
    """Returns the option that a letter names, where the options themselves are not known."""
    match = _LETTER_FIRST.match(text)
    if letter is None and match is not None:
        letter = (match[1] or match[2] or match[3]).upper()
    return ord(letter) - ord("A") if letter else None


def pick(text: str, choices: tuple[str, ...] | None) -> int | None:
    """Says which option an answer picks.

    Args:
        text: A final answer (see `judges.rules.final_answer.final_answer`).
        choices: The options, or None when only letters are known.

    Returns:
        The index of the option; None when no single option is picked, as when the letter and the
        text name different ones.
    """
    letter = letter_of(text)
    if choices is None:
        return _by_letter(letter, text)
    keys = _keys(choices)
    first, last = _LETTER_FIRST.match(text), _LETTER_LAST.match(text)
    found = _by_text(text, choices) if first is None else None
    if found is not None:
        return found
    if letter is not None:
        index = ord(letter) - ord("A")
        return index if index < len(choices) else None
    if first is not None:
        letter, rest = first[1] or first[2] or first[3], first[4]
    elif last is not None:
        letter, rest = last[2], last[1]
    else:
        return None
    index = ord(letter.upper()) - ord("A")
    if index >= len(choices) or text_key(final_answer(rest)) != keys[index]:
        return None
    return index
