"""Multiple choice: by letter, by text, or by both when they agree."""

from __future__ import annotations

import re
from functools import lru_cache

from judges.rules.clean import clean, text_key
from judges.rules.dates import may_be_moment, moments_match
from judges.rules.final_answer import explained, final_answer
from judges.rules.numeric.comparison import quantities_match
from judges.rules.numeric.numbers import Quantity, parse_quantity
from judges.rules.numeric.sentences import read_number
from judges.rules.yes_no import NO, YES, says_yes

_LETTER_ALONE = re.compile(
    r"^(?i:(?:the\s+)?(?:answer|option|choice|letter)\s+|i(?:\s+would|\s+will|'d)?\s+(?:choose|pick|select|go\s+with)\s+(?:option\s+)?)?"
    r"[\[(]?\s*([A-Za-z])\s*[\])]?[.:)]?$"
)
_MAX_LETTER_PHRASE = 40
_LETTER_FIRST = re.compile(
    r"^(?i:(?:the\s+)?(?:option|choice|letter|answer)\s+)?(?:[\[(]\s*([A-Za-z])\s*[\])][.:,]?|([A-Za-z])\s*[.:),]|"
    r"([A-Z])\s+-(?=\s)|([B-HJ-Z])(?=\s+\w)|([A-Z])(?=\s*[\u3040-\u9fff]))\s*(.+)$",
    re.DOTALL,
)
_LETTER_LAST = re.compile(
    r"^(.+?)(?:\s*[\[(]\s*(?:option\s+)?([A-Za-z])\s*[\])]|\s*,\s*(?:option\s+)?([A-Z]))$",
    re.DOTALL,
)
_OPTION = re.compile(
    r"(?:(?<=[\s,;:?!.)])|(?<=[\u3040-\u9fff])|^)\(?([A-Z]|(?<=\()[a-z])(?:[.:]\s*|\)\s*|,\s*(?=[\u3040-\u9fff]))"
)
_BECAUSE = re.compile(r"(?:because|since|as)\b", re.IGNORECASE)
_STANDING_LETTER = re.compile(r"(?<![A-Za-z'])\(?([A-Z])\)?(?![A-Za-z'])")


def letter_of(text: str) -> str | None:
    """Returns the upper-case letter when `text` is an option's letter and nothing else."""
    if len(text) == 1:
        return text.upper() if text.isascii() and text.isalpha() else None
    end = text.rstrip(")]. :")
    if len(text) >= _MAX_LETTER_PHRASE or not end or end[-2:-1].isalnum():
        return None  # it does not end in a letter on its own
    match = _LETTER_ALONE.match(text)
    return match[1].upper() if match else None


@lru_cache(maxsize=4096)
def options_in(question: str) -> tuple[str, ...] | None:
    """Reads the options (A), (B), … out of a question; None when it has none.

    ``A.``, ``A)``, ``(A)``, ``(a)``, ``A:``, ``A．`` and ``A、`` mark an option.
    """
    question = "\n".join(clean(line) for line in question.splitlines())
    marks = list(_OPTION.finditer(question))
    start = max(
        (i for i, mark in enumerate(marks) if mark[1] in "Aa" and _runs_on(marks[i : i + 2])),
        default=None,
    )
    if start is None:
        return None
    options: list[str] = []
    for index, mark in enumerate(marks[start:]):
        if mark[1].upper() != chr(ord("A") + index):
            break
        following = marks[start + index + 1 : start + index + 2]
        end = following[0].start() if following else len(question)
        options.append(question[mark.end() : end].strip(" \n\t,;"))
    return tuple(options) if len(options) >= 2 and all(options) else None


def _runs_on(marks: list[re.Match[str]]) -> bool:
    """True when B follows A."""
    return len(marks) == 2 and marks[1][1] in "Bb"


def _first(match: re.Match[str]) -> tuple[str, str]:
    """Returns letter and rest of a match of `_LETTER_FIRST`."""
    return (match[1] or match[2] or match[3] or match[4] or match[5]).upper(), match[6]


@lru_cache(maxsize=4096)
def _forms(choice: str, own: str) -> frozenset[str]:
    """Returns the comparison keys of an option, its own letter prefix taken off."""
    choice = clean(choice)
    match = _LETTER_FIRST.match(choice)
    if match is not None and not match[4]:
        letter, rest = _first(match)
        choice = rest if letter == own else choice
    return _said(choice)


def _said(text: str) -> frozenset[str]:
    """Returns the keys of a text: as it is, and as a final answer."""
    final = final_answer(text)
    keys = {text_key(text), text} if final == text else {text_key(text), text_key(final), text}
    keys.discard("")
    return frozenset(keys)


@lru_cache(maxsize=4096)
def _numbers(choices: tuple[str, ...]) -> tuple[Quantity | None, ...]:
    """Returns the options as numbers, where they are; empty when none is."""
    numbers = tuple(parse_quantity(final_answer(choice)) for choice in choices)
    return numbers if any(numbers) else ()


@lru_cache(maxsize=4096)
def _moments(choices: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Returns the options that may be dates or times, with their indices."""
    cleaned = [(index, clean(choice)) for index, choice in enumerate(choices)]
    return tuple((index, choice) for index, choice in cleaned if may_be_moment(choice))


@lru_cache(maxsize=4096)
def _says_yes(choices: tuple[str, ...]) -> tuple[bool, ...] | None:
    """Returns which of two options are a yes and a no; None when they are other things."""
    words = [text_key(final_answer(choice)) for choice in choices]
    if len(words) != 2 or not all(word in YES or word in NO for word in words):
        return None
    said = tuple(word in YES for word in words)
    return said if len(set(said)) == 2 else None


def _by_text(text: str, choices: tuple[str, ...], question: str) -> frozenset[int]:
    """Returns the options that say the same, or are the same number or time."""
    ours = _said(text)
    exact = frozenset(
        index for index, choice in enumerate(choices) if ours & _forms(choice, chr(65 + index))
    )
    if len(exact) > 1:  # "[0, 9)" and "(0, 9)" are told apart by their brackets
        bare = "".join(text.split())
        literal = frozenset(i for i in exact if "".join(choices[i].split()) == bare)
        return literal or exact
    if exact or (len(text) == 1 and text.isalpha()):
        return exact
    numbers = _numbers(choices)
    number = read_number(text, question, counted=False) if numbers else None
    if number is not None:
        found = [
            index
            for index, option in enumerate(numbers)
            if option is not None and quantities_match(number, option, None, question)
        ]
        nearest = [i for i in found if (o := numbers[i]) is not None and o.value == number.value]
        return frozenset(nearest or found)
    return frozenset(index for index, choice in _moments(choices) if moments_match(text, choice))


def _only_letters(text: str) -> frozenset[int]:
    """Returns the option that a letter names, where the options themselves are not known."""
    letter = letter_of(text)
    match = _LETTER_FIRST.match(text) if letter is None else None
    if match is not None and not match[4]:
        letter = _first(match)[0]
    return frozenset((ord(letter) - 65,)) if letter else frozenset()


def pick(text: str, choices: tuple[str, ...] | None, question: str = "") -> frozenset[int]:
    """Says which option an answer picks.

    Args:
        text: A final answer (see `judges.rules.final_answer`).
        choices: The options, or None when only letters are known.
        question: What was asked.

    Returns:
        The indices of the options that the answer may mean: one, or several where options have
        equal texts or a letter is also an option's text; none when nothing is picked, as when the
        letter and the text name different options.
    """
    if choices is None:
        return _only_letters(text)
    letter = letter_of(text)
    if letter is not None:
        index = ord(letter) - 65
        named = frozenset((index,)) if index < len(choices) else frozenset()
        return named | _by_text(text, choices, question)
    first = _LETTER_FIRST.match(text)
    if first is not None:
        chosen = _lettered(*_first(first), choices, question, spaced=bool(first[4] or first[5]))
        if chosen is not None:
            return chosen
    found = _by_text(text, choices, question)
    if found and " " in text and _names_another(text, found, choices):
        return frozenset()  # "= 1.5, which is option C"
    return found or _by_end_or_yes(text, choices, question)


def _names_another(text: str, found: frozenset[int], choices: tuple[str, ...]) -> bool:
    """True when an answer names the letter of another option than the one that it describes."""
    if any(text_key(text) in _forms(choices[index], chr(65 + index)) for index in found):
        return False
    named = {ord(letter) - 65 for letter in _STANDING_LETTER.findall(text) if letter not in "AI"}
    return any(index < len(choices) for index in named - found)


def _by_end_or_yes(text: str, choices: tuple[str, ...], question: str) -> frozenset[int]:
    """Reads "dog (B)" and, where the options are a yes and a no, a sentence that is either."""
    last = _LETTER_LAST.match(text)
    if last is not None:
        chosen = _lettered(last[2] or last[3], last[1], choices, question, spaced=True)
        if chosen:
            return chosen
    said = _says_yes(choices)
    yes = says_yes(text, question) if said is not None else None
    return frozenset() if said is None or yes is None else frozenset((said.index(yes),))


def _lettered(
    letter: str, rest: str, choices: tuple[str, ...], question: str, spaced: bool
) -> frozenset[int] | None:
    """Reads a letter with something behind it: the option's own text, or an explanation.

    Returns:
        The option; empty when letter and text disagree; None when the letter may be none.
    """
    index = ord(letter.upper()) - 65
    if index >= len(choices):
        return frozenset() if not spaced else None
    if text_key(rest) in _forms(choices[index], chr(65 + index)):
        return frozenset((index,))
    said = _by_text(rest, choices, question)
    if not said and len(final := final_answer(rest)) < len(rest):
        said = _by_text(final, choices, question)
    if index in said:
        return frozenset((index,))
    if said:
        return frozenset()
    if spaced and not _BECAUSE.match(rest):
        return None
    return frozenset((index,)) if _only_explains(rest, index, choices) else frozenset()


def _only_explains(rest: str, index: int, choices: tuple[str, ...]) -> bool:
    """True when what follows a letter takes nothing back and names no other option."""
    own = f"option {chr(65 + index)}".lower()
    rest = re.sub(rf"\b{own}\b", " ", rest, flags=re.IGNORECASE)
    letters = {found for found in _STANDING_LETTER.findall(rest) if ord(found) - 65 < len(choices)}
    if letters - {chr(65 + index), "A", "I"} or not explained(rest):
        return False
    words = f" {text_key(rest)} "
    return not any(
        f" {text_key(choice)} " in words for other, choice in enumerate(choices) if other != index
    )
