"""What a judging model is shown: a prompt from a file, and the case as one JSON object.

The case is data. It is written as JSON, so no quote or line break can end it; angle brackets are
escaped, so no chat-template token such as ``<|im_end|>`` can appear; and no stretch of it parses
as a verdict, so a model that merely repeats what it read decides nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from judges.base import JudgeCase
from judges.errors import JudgeError, UnknownNameError
from judges.rules.clean import clean

_SEPARATOR = "--- user ---"
_PLACEHOLDER = "$case"
_CONTROL_WORD = re.compile(r"\[(?=/?[A-Z_]{2,30}(?:\]|\b))")
_VERDICT_BRACE = re.compile(r"\{(?=[^{}]*score)", re.IGNORECASE)
_UNESCAPED = {"<": "\\u003c", ">": "\\u003e"}


@dataclass(frozen=True)
class Prompt:
    """A judge's prompt.

    Attributes:
        name: Where it came from: the name of a shipped prompt, or a file's name.
        system: The system message; the same for every case.
        user: The user message, with ``$case`` where the case goes.
    """

    name: str
    system: str
    user: str

    def __post_init__(self) -> None:
        if self.user.count(_PLACEHOLDER) != 1 or _PLACEHOLDER in self.system:
            raise JudgeError(
                f"Prompt {self.name!r} must hold {_PLACEHOLDER} exactly once, in its user part."
            )

    @cached_property
    def version(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the prompt's text."""
        text = f"{self.system}\n{_SEPARATOR}\n{self.user}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def messages(self, case: JudgeCase, max_chars: int) -> list[dict[str, str]]:
        """Builds the two chat messages for a case.

        Args:
            case: The case to be judged.
            max_chars: Longest prediction shown whole; of a longer one, both ends are shown.
        """
        user = self.user.replace(_PLACEHOLDER, encode_case(case, max_chars))
        return [{"role": "system", "content": self.system}, {"role": "user", "content": user}]


def load_prompt(prompt: str | Path) -> Prompt:
    """Loads a prompt that ships with the package, or one from a file.

    Args:
        prompt: A name such as ``"reference"``, or the path of a ``.txt`` file. The file holds the
            system message, a line ``--- user ---``, and the user message.

    Raises:
        UnknownNameError: If no shipped prompt has this name.
        JudgeError: If the file cannot be read or does not have the two parts.
    """
    if isinstance(prompt, Path) or prompt.endswith(".txt"):
        path = Path(prompt)
        try:
            return _parse(path.stem, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise JudgeError(f"Cannot read the judge prompt {path}: {error}") from error
    folder = resources.files("judges.llm").joinpath("prompts")
    known = sorted(item.name[:-4] for item in folder.iterdir() if item.name.endswith(".txt"))
    if prompt not in known:
        raise UnknownNameError("judge prompt", prompt, known)
    return _parse(prompt, folder.joinpath(f"{prompt}.txt").read_text(encoding="utf-8"))


def _parse(name: str, text: str) -> Prompt:
    """Splits a prompt file into its two messages."""
    parts = [part.strip() for part in text.split(_SEPARATOR)]
    if len(parts) != 2 or not all(parts):
        raise JudgeError(
            f"Prompt {name!r} must have a system part, a line {_SEPARATOR!r} and a user part."
        )
    return Prompt(name, parts[0], parts[1])


def encode_case(case: JudgeCase, max_chars: int) -> str:
    """Writes a case as one JSON object in which no text can pass for anything but data.

    Args:
        case: The case.
        max_chars: Longest prediction shown whole, in characters; a longer one keeps both ends.
    """
    fields: dict[str, object] = {"question": clean(case.question)}
    if case.choices is not None:
        fields["options"] = [clean(choice) for choice in case.choices]
    if case.tolerance is not None:
        fields["tolerance"] = case.tolerance
    fields["accepted_answers"] = [clean(reference) for reference in case.references]
    fields["answer"] = _shorten(clean(case.prediction), max_chars)
    head, *rest = (_encode_field(name, value) for name, value in fields.items())
    return "{" + ", ".join([head, *rest]) + "}"


def _encode_field(name: str, value: object) -> str:
    """Writes one field, with everything that a template or a parser could act on escaped."""
    text = json.dumps(value, ensure_ascii=False)
    for char, escaped in _UNESCAPED.items():
        text = text.replace(char, escaped)
    text = _VERDICT_BRACE.sub(r"\\u007b", text)
    if isinstance(value, str):
        text = _CONTROL_WORD.sub(r"\\u005b", text)
    else:
        text = text[:1] + _CONTROL_WORD.sub(r"\\u005b", text[1:])
    return f"{json.dumps(name)}: {text}"


def _shorten(text: str, max_chars: int) -> str:
    """Keeps both ends of an overlong text and says how much is left out."""
    if len(text) <= max_chars:
        return text
    half = max_chars // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} (... {left_out} characters left out ...) {text[len(text) - half :]}"
