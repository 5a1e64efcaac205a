"""Which option an answer names: by its letter, by its text, or by its index from 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from judges.rules.final_answer import final_answer
from vt_env.data.options import LETTERS, text_of
from vt_env.data.schemas import RowError
from vt_env.data.text import quoted
from vt_env.errors import UnknownNameError

AnswerForm = Literal["index", "letter", "text"]
ANSWER_FORMS: tuple[AnswerForm, ...] = get_args(AnswerForm)
"""What the answers of questions with options can be; a loader's setting `answers`."""

_LETTER = re.compile(r"[(\[（]?\s*([A-Za-z])\s*[)\]）]?\s*[.:：]?")
_LETTER_AND_TEXT = re.compile(
    r"(?:[(\[（]\s*([A-Za-z])\s*[)\]）]\s*[.:：]?|([A-Za-z])\s*[.):：）、．])\s*(\S.*)", re.DOTALL
)
_INDEX = re.compile(r"\d{1,9}(?:\.0+)?")
_NUMBER = re.compile(
    r"[$€£¥]?\s*([-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+))(?:\s*[^\s\d]+(?: [^\s\d]+){0,2})?"
)
"""A number and at most three words of unit."""

Raw = str | int | float
"""An answer as a row holds it."""


def check_form(form: str | None) -> None:
    """Refuses a form of answers that there is not.

    Raises:
        UnknownNameError: If `form` is neither None nor one of `ANSWER_FORMS`.
    """
    if form is not None and form not in ANSWER_FORMS:
        raise UnknownNameError("form of answers", str(form), ANSWER_FORMS)


def named_options(value: Raw, options: Sequence[str], form: AnswerForm | None) -> tuple[str, ...]:
    """Says which option an answer names, in the form that judges read without doubt.

    Args:
        value: The answer as the row holds it.
        options: The options.
        form: What answers are; None: whatever names one option alone.

    Returns:
        The option's letter; or letter and text where the letter alone is the text of another.
        Several where the answer is a text that options share: each of them is right.

    Raises:
        RowError: If it names no option, or could name either of two.
    """
    found = _readings(value, options, form)
    if not found and isinstance(value, str):
        found = _readings(final_answer(value), options, form)  # "\boxed{B}", "The answer is B."
    named = {index for indices in found.values() for index in indices}
    if not named:
        raise RowError("answer", _unnamed(value, options, form))
    if len(named) > 1 and len({text_of(options[index]) for index in named}) > 1:
        raise RowError("answer", _ambiguous(value, options, found))
    return tuple(_reference(index, options) for index in sorted(named))


def _reference(index: int, options: Sequence[str]) -> str:
    letter = LETTERS[index]
    others = (option for number, option in enumerate(options) if number != index)
    taken = any(
        match[1].upper() == letter for option in others if (match := _LETTER.fullmatch(option))
    )
    return f"({letter}) {options[index]}" if taken else letter


def _readings(
    value: Raw, options: Sequence[str], form: AnswerForm | None
) -> dict[AnswerForm, list[int]]:
    """The options that an answer can name, by the way of reading it."""
    ways: dict[AnswerForm, Callable[[Raw, Sequence[str]], list[int]]] = {
        "index": _by_index,
        "letter": _by_letter,
        "text": _by_text,
    }
    found = {way: read(value, options) for way, read in ways.items() if form in (None, way)}
    return {way: indices for way, indices in found.items() if indices}


def _by_index(value: Raw, options: Sequence[str]) -> list[int]:
    """An index from 0, also as text or as the float that a column with gaps makes of it."""
    text = str(value).strip()
    if not _INDEX.fullmatch(text) or float(text) >= len(options):
        return []
    return [int(float(text))]


def _by_letter(value: Raw, options: Sequence[str]) -> list[int]:
    """A letter, or a letter with the option's own text."""
    text = str(value).strip()
    letter, both = _LETTER.fullmatch(text), _LETTER_AND_TEXT.fullmatch(text)
    if letter:
        index = LETTERS.index(letter[1].upper())
        return [index] if index < len(options) else []
    if both:
        index = LETTERS.index((both[1] or both[2]).upper())
        if index < len(options) and text_of(both[3]) == text_of(options[index]):
            return [index]
    return []


def _by_text(value: Raw, options: Sequence[str]) -> list[int]:
    """The options that say the same: exactly, else but for case, else as the same number.

    A bare number may leave the unit to the options: "2" is the option "2 cm".
    """
    text = value if isinstance(value, str) else repr(value)
    for same in (_equal, _alike):
        found = [index for index, option in enumerate(options) if same(text, option)]
        if found:
            return found
    number = _number(text)
    if number is None or any(char.isalpha() for char in text):
        return []
    return [index for index, option in enumerate(options) if _number(option) == number]


def _equal(text: str, option: str) -> bool:
    return text.strip() == option.strip()


def _alike(text: str, option: str) -> bool:
    return text_of(text) == text_of(option)


def _number(text: str) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    return float(found[1].replace(",", "")) if found else None


def _unnamed(value: Raw, options: Sequence[str], form: AnswerForm | None) -> str:
    last = LETTERS[len(options) - 1]
    expected = {
        "index": f"an index from 0 to {len(options) - 1}",
        "letter": f"a letter from A to {last}",
        "text": "the text of an option",
    }
    if form is not None:
        return f'expected {expected[form]} (answers="{form}"), got {quoted(value)}.'
    text = str(value).strip()
    if _LETTER.fullmatch(text) or _INDEX.fullmatch(text):
        return (
            f"{quoted(value)} is beyond the {len(options)} options: {expected['letter']}, "
            f"{expected['index']}, or {expected['text']}."
        )
    shown = ", ".join(
        f"{letter} {option}" for letter, option in zip(LETTERS, options, strict=False)
    )
    return f"{quoted(value)} names none of the options {quoted(shown)}."


def _ambiguous(value: Raw, options: Sequence[str], found: dict[AnswerForm, list[int]]) -> str:
    said = {
        way: " and ".join(f"{LETTERS[index]} {quoted(options[index])}" for index in indices)
        for way, indices in found.items()
    }
    if len(found) == 1:
        return f"{quoted(value)} is any of the options {'; '.join(said.values())}: give a letter."
    readings = ", or ".join(f"as {way} option {said[way]}" for way in found)
    return (
        f"{quoted(value)} can be read {readings}; say which with "
        f"answers={' or '.join(repr(way) for way in found)}."
    )
