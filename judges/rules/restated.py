"""Answers said in the question's own words: "The roof is gray." is "gray"."""

from __future__ import annotations

import re
from functools import lru_cache

from judges.rules.final_answer import final_answer

_HINT = re.compile(r"\b(?:so|therefore|thus|hence|because|since|not)\b", re.IGNORECASE)
_SO = re.compile(r"^.*(?:\bso|\btherefore|\bthus|\bhence)\b,?\s+(.+)$", re.IGNORECASE | re.DOTALL)
_REASON = re.compile(r"^(.+?),?\s+(?:because|since)\b", re.IGNORECASE | re.DOTALL)
_CONTRAST = re.compile(
    r"^(.+?),?\s+(?:and\s+)?not\s+(?:an?\s+|the\s+)?\S+(?:\s\S+)?$", re.IGNORECASE
)
_COMPUTED = re.compile(
    r"^(?:[∠△]?[A-Za-z]\w{0,4}\s*=\s*)?[\d\s.,+\-*/x÷()$€£%^°]*[\d)%°]\s*[=≈]\s*(\S.*)$|"
    r"^[^=≈]{1,60}≈\s*(\S[^=≈]*)$"
)
_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_SMALL_WORDS = (
    "the a an of in on at to for this that its his her their my is are was were be shown shows "
    "image picture photo chart figure graph diagram here above correct exact value total final "
    "number name word text approximately about there which it as seen displayed written reads says "
    "has have had"
)
_SMALL = frozenset(_SMALL_WORDS.split())
_COMPARED = (
    "than more less most least fewer over under below between or and not no never except only if "
    "greater smaller larger higher lower both either neither all each every but"
)
_COMPARING = frozenset(_COMPARED.split())


def shorter_readings(answer: str, question: str) -> list[str]:
    """Returns what an answer says without the question's words around it.

    A shorter reading may only find an answer right, never wrong: it is one reading of several.

    Args:
        answer: A final answer (see `judges.rules.final_answer`).
        question: What was asked.

    Returns:
        What is left when the question's own words are taken off the front or the end, behind "so",
        before "because" and ", not …", and behind a sum's equals sign.
    """
    if len(answer) > 400:
        return []
    found = []
    if " " in answer:
        found = [*_clauses(answer), *_without_question(answer, question)]
    for text in (answer, *found):
        computed = _COMPUTED.match(text) if "=" in text or "≈" in text else None
        if computed is not None:
            found.append((computed[1] or computed[2]).strip())
    return found


def _clauses(answer: str) -> list[str]:
    """Returns the conclusion behind "so", and what stands before a reason or a contrast."""
    found = []
    conclusion = (
        _SO.match(answer) if "so" in answer or "th" in answer or "hence" in answer else None
    )
    if conclusion is not None:
        found.append(final_answer(conclusion[1]))
    reason = _REASON.match(answer) if "because" in answer or "since" in answer else None
    if reason is not None:
        found.append(final_answer(reason[1]))
    contrast = _CONTRAST.match(answer) if " not " in answer else None
    if contrast is not None:
        found.append(contrast[1].strip())
    return found


def _without_question(answer: str, question: str) -> list[str]:
    """Returns the answer without the words of the question that begin it or end it.

    They must stand in the question's order: "the ratio of women to men" is not "of men to women".
    """
    if not _borrows(answer, question):
        return []
    words = [match.group().lower() for match in _TOKEN.finditer(answer)]
    spans = [match.span() for match in _TOKEN.finditer(answer)]
    asked = _stems(question)
    first, last = 0, len(words)
    while first < last and _is_asked(words[first], asked):
        first += 1
    while last > first and _is_asked(words[last - 1], asked):
        last -= 1
    found = []
    if first < len(words) and _says_the_question(words[:first], asked):
        found.append(answer[spans[first - 1][1] :].lstrip(" :=,"))
    behind = words[last:]
    if first < len(words) and behind[:1] != ["of"] and _says_the_question(behind, asked):
        found.append(answer[: spans[last - 1][1]])
    return found


def _borrows(answer: str, question: str) -> bool:
    """True when the first or the last word of content may be the question's; most are told off."""
    words = [word for word in answer.lower().split() if word not in _SMALL]
    if not words:
        return False
    question = question.lower()
    return any(word.strip(".,:;\"'").rstrip("s") in question for word in (words[0], words[-1]))


def _is_asked(word: str, asked: tuple[str, ...]) -> bool:
    return word in _SMALL or (word not in _COMPARING and _stem(word) in asked)


def _says_the_question(words: list[str], asked: tuple[str, ...]) -> bool:
    """True when words carry content, all of it the question's and in the question's order."""
    content = [_stem(word) for word in words if word not in _SMALL]
    rest = iter(asked)
    return bool(content) and all(word in rest for word in content)


def _stem(word: str) -> str:
    return word.rstrip("s") or word


@lru_cache(maxsize=4096)
def _stems(question: str) -> tuple[str, ...]:
    return tuple(_stem(word.lower()) for word in _TOKEN.findall(question))
