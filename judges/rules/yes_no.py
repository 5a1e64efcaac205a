"""Yes and no: said as a word, or as the question's own sentence, affirmed or denied."""

from __future__ import annotations

import re
from functools import lru_cache

from judges.rules.clean import text_key
from judges.rules.final_answer import strip_marks

YES = frozenset(
    {"yes", "y", "true", "yeah", "yep", "correct", "是", "是的", "对", "正确", "はい", "예", "네"}
)
NO = frozenset(
    {
        "no",
        "n",
        "false",
        "nope",
        "incorrect",
        "否",
        "不",
        "不是",
        "不对",
        "没有",
        "错",
        "错误",
        "いいえ",
        "아니요",
    }
)
_WORD = re.compile(r"\b(?:yes|true|yeah|yep|no|false|nope|not)\b|n't\b", re.IGNORECASE)
_FIRST = re.compile(r"(yes|yeah|yep|no|nope|true|false)\b(?=\s*[,.;:!-]|$)", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:no|not|none|never|neither|nor|without|nobody|nothing)\b|n't\b", re.IGNORECASE
)
_DOUBT = re.compile(
    r"\b(?:sure|maybe|perhaps|possibly|unclear|unknown|cannot|can't|could|might|may|whether|if|or|"
    r"but|however|except|only|un\w+|idea|way|tell|appears?|seems?|likely|probably|than|some|few|"
    r"hardly|barely|rarely|almost|nearly)\b",
    re.IGNORECASE,
)
_SMALL_WORDS = (
    "is are was were be been am do does did has have had can could will would should a an the "
    "there any some it this that its of in on at to not no n't isn't aren't wasn't weren't doesn't "
    "don't didn't hasn't haven't i you we they he she one s visible present seen shown"
)
_AUXILIARY = frozenset(_SMALL_WORDS.split())
_PLACE = re.compile(
    r"\b(?:in|on|of|from|within)\s+(?:the|this|that)\s+(?:given\s+)?(?:image|picture|photo\w*|chart|figure|graph|"
    r"diagram|table|map|scene|screenshot|plot)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:it|this|that|they|these|those|he|she|not)\b", re.IGNORECASE)
_THERE = re.compile(r"^(?:is|are|was|were)\s+there\b", re.IGNORECASE)
_POLAR = re.compile(
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|isn't|aren't)\b",
    re.IGNORECASE,
)


def match_yes_no(answer: str, wanted: str, question: str) -> bool | None:
    """Compares a yes or a no; undecided when the answer says both or neither.

    Args:
        answer: A final answer (see `judges.rules.final_answer`).
        wanted: The reference, cleaned.
        question: What was asked: "There is no dog." is a no to "Is there a dog?".
    """
    expected = wanted.lower() in YES
    if not expected and wanted.lower() not in NO:
        return True if text_key(answer) == text_key(wanted) else None
    said = says_yes(answer, question)
    return None if said is None else said == expected


def says_yes(answer: str, question: str) -> bool | None:
    """Returns whether an answer is a yes; None when that is unclear."""
    word = strip_marks(answer).lower()
    if word in YES or word in NO:
        return word in YES
    if len(answer) > 300:
        return None
    first = _FIRST.match(answer)
    if first is None and not answer.isascii():
        opening = answer.partition(",")[0].strip()
        return opening in YES if opening in YES or opening in NO else None
    if first is None:
        return _says_the_question_again(answer, question)
    said = {found.lower() in YES for found in _WORD.findall(answer)}
    return (first[1].lower() in YES) if len(said) == 1 else None


def _says_the_question_again(answer: str, question: str) -> bool | None:
    """Reads "There is no dog." and "It is not raining." against the words of the question."""
    if not _POLAR.match(question) or _DOUBT.search(answer):
        return None
    asked, told = _content(question), _content(answer)
    denials = len(_DENIAL.findall(answer))
    if not told or denials > 1 or _DENIAL.search(question):
        return None
    pronoun = _PRONOUN.match(answer) is not None and asked[-len(told) :] == told
    none_at_all = denials == 1 and _THERE.match(question) and asked[: len(told)] == told
    return denials == 0 if asked == told or pronoun or none_at_all else None


@lru_cache(maxsize=4096)
def _content(text: str) -> tuple[str, ...]:
    """Returns the words of a sentence that carry its content, in order."""
    text = _PLACE.sub(" ", text.lower().replace("’", "'"))
    text = re.sub(r"(?:\b(?:is|are|was|were|do|does|did|has|have|had|could|would))n't\b", " ", text)
    words = re.findall(r"[^\W_]+", text)
    return tuple(word.rstrip("s") or word for word in words if word not in _AUXILIARY)
