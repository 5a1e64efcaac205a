"""The one number that a sentence gives as its answer, if it gives one."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from judges.rules.clean import clean
from judges.rules.hints import Hint
from judges.rules.numeric.number_words import CARDINALS, IN_NUMBERS, number_from_words
from judges.rules.numeric.numbers import Quantity, find_quantities, parse_quantity
from judges.rules.question import asks_for_change, direction, share

_MAX_CHARS = 300
_IN_FRONT = re.compile(r"\b(?:minus|negative)\s+(?=[\d.$€£¥₹₩])", re.IGNORECASE)
_NUMBER = (
    r"(?:[$€£]?\d[\d.,]*%?|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
)
# "larger than 4", "above 0", "of 5": the number that something is compared with, not the answer.
_COMPARED = re.compile(
    rf"(?<![\d%])(?<!\bone)(?<!\btwo)(?<!three)(?<!four)(?<!five)\s(?:(?:that\s|which\s)?(?:is|are|was|were)\s)?"
    rf"(?:(?:\w+er|more|less|worse)\s+than|above|below|over|under|exceeding|beyond|(?:not\s)?equal\s+to)"
    rf"\s+(?:or\s+equal\s+to\s+)?(?:the\s+)?{_NUMBER}\b(?:\s?%)?|"
    rf"(?<=[\w%])\s(?:out\s+)?of\s+(?:the\s+)?{_NUMBER}\b(?:\s?%)?",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:not|no|never|neither|nor|or|either|cannot|can't|isn't|wasn't|aren't|don't|doesn't|"
    r"rather|instead|except|but|wrong|incorrect|less|more|fewer|greater|under|over|below|above|"
    r"between|unless|maybe|perhaps|possibly|unknown|unclear|unsure|at (?:least|most)|up to|twice|"
    r"thrice|doubled?|tripled?|half|halves|thirds?|quarters?|(?:fif|six|seven|eigh|nin|ten)ths|squared|cubed|root|sqrt|log|ln|sin|"
    r"cos|tan|pi|one of|if|unlike|versus|vs|was supposed|would have|could|might|than|per|every|"
    r"dozens?|hundreds|thousands|times)\b|"
    r"[<>≤≥≠?±√π‰|]|\\[a-z]|\d\s?[-+*/^!]\s?\d|\d\+(?!\d)|n't\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"\b(?:first|then|next|step|let me|let's|so far)\b|"
    r"\b(?:for|the|an?|of|and|is|are|to|in|at|by|with|from|that|which|so)\s*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+")
_NEXT_WORD = re.compile(r"[ -](?:and )?([A-Za-z]+)")
_DIGIT = re.compile(r"\d")
# "one" is a number behind these words, and a pronoun behind others ("the left one").
_ONE_COUNTED = re.compile(
    r"(?:^|\b(?:is|are|was|were|only|just|exactly|has|have|had|shows?|see|count|contains?|holds?|"
    r"total|got))\s*$",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"^(?:there\s+(?:is|are|was|were)\s+)?(?:no|none|zero|not\s+any|nothing)\b(?:\s+(\w+))?[^.,;]*$"
    r"|^there\s+(?:is|are|was|were)(?:n't|\s+not)\s+any\s+(\w+)[^.,;]*$",
    re.IGNORECASE,
)
_BELOW = Hint(r"\bbelow (?:zero|freezing|sea level)|零下")
_OUT_OF_WHOLE = re.compile(r"^(\d+) (?:out of|in|of) (\d+)$")
_OUT_OF = re.compile(r"\bof\s+(?:the\s+)?\d|\bout of\b", re.IGNORECASE)
_DIRECTION_WORD = re.compile(
    r"\b(?:went|going|goes|has|have|is|was|by|of|a|an|the|it|gone|about)?\s*\b(?:down|up|fall|falls|"
    r"fell|fallen|drop|drops|dropped|decreas\w+|declin\w+|reduc\w+|lost|loss|lowered|rise|rises|rose|"
    r"risen|increas\w+|grew|grow|grown|growth|gain|gained|climb\w*|shrank|slump\w*|plunge\w*|jump\w*|"
    r"surg\w+)\b(?:\s+(?:by|of|about|in))?",
    re.IGNORECASE,
)


def read_number(answer: str, question: str, counted: bool) -> Quantity | None:
    """Reads the number that an answer gives: all of it, or the one number of a sentence.

    Args:
        answer: A final answer (see `judges.rules.final_answer`).
        question: What was asked; a number that only says the question again is no answer.
        counted: Whether a count is asked for, so that "none" is 0.

    Returns:
        The number; None when there is none, when there are several, or when the sentence compares,
        negates or doubts it.
    """
    worded = any(map(str.isalpha, answer))
    turned = direction(answer) if worded and len(answer) <= _MAX_CHARS else 0
    if turned and not re.search(r"\bup to\b", answer, re.IGNORECASE):
        return _turned(answer, question, turned)
    if worded and _BELOW.isin(answer):
        return None  # 10 degrees below zero
    if worded and _OUT_OF_WHOLE.match(answer) and share(question):
        return parse_quantity(_OUT_OF_WHOLE.sub(r"\1/\2", answer))
    number = parse_quantity(answer)
    if number is not None:
        return number
    if counted and _says_none(answer, question):
        return Quantity(Decimal(0))
    return _in_sentence(answer, question) if worded else None


def _turned(answer: str, question: str, turned: int) -> Quantity | None:
    """Reads "down 3 %" as -3 % where the question leaves the direction open."""
    plain = " ".join(_DIRECTION_WORD.sub(" ", answer).split())
    number = parse_quantity(plain)
    if number is None:
        number = _in_sentence(answer, question)
    asked = direction(question)
    if number is None or asked == turned or (turned > 0 and asked == 0):
        return number
    if asked == 0 and number.value > 0:
        return replace(number, value=-number.value)
    return None  # a rise where a fall was asked about


def contradicts_direction(answer: str, question: str, expected: Quantity) -> bool:
    """True when a fall was told to a question about no change at all, so that signs say little."""
    return (
        direction(answer) < 0
        and expected.value > 0
        and not asks_for_change(question)
        and direction(question) == 0
    )


def _says_none(answer: str, question: str) -> bool:
    """True for "none" and for "there are no cups" where cups were asked about."""
    found = _NONE.match(answer)
    if found is None or any(char.isdigit() for char in answer):
        return False
    if re.search(r"\b(?:than|other|except|but|idea|more|way|answer)\b", answer, re.IGNORECASE):
        return False
    thing = (found[1] or found[2] or "").lower().rstrip("s")
    return not thing or thing in ("of", "at") or thing in question.lower()


def _in_sentence(answer: str, question: str) -> Quantity | None:
    """Returns the one number of a sentence; None if unclear."""
    if len(answer) > _MAX_CHARS:
        return None
    if share(question) and _OUT_OF.search(answer):
        return None  # "2 out of 5" is a fraction there
    text = _COMPARED.sub(" ", " " + _IN_FRONT.sub("-", answer))
    if _DOUBT.search(text) or _UNFINISHED.search(text):
        return None
    found = {quantity.value: quantity for quantity in _candidates(text)}
    known = numbers_of(question)
    kept = [quantity for value, quantity in found.items() if value not in known]
    return kept[0] if len(kept) == 1 else None


def _candidates(text: str) -> list[Quantity]:
    """Lists the numbers of a sentence, in digits and in words."""
    found = [quantity for _, _, quantity in find_quantities(text)] if _DIGIT.search(text) else []
    end = 0
    for match in _WORD.finditer(text):
        word = match.group().lower()
        if match.start() < end or word not in CARDINALS:
            continue
        if word == "one" and not _ONE_COUNTED.search(text[: match.start()]):
            continue
        end = _run_end(text, match.end())
        number = number_from_words(text[match.start() : end])
        if number is not None:
            found.append(Quantity(Decimal(number[0])))
    return found


def _run_end(text: str, end: int) -> int:
    """Returns where a number in words ends that goes on behind its first word."""
    following = _NEXT_WORD.match(text, end)
    while following is not None and following[1].lower() in IN_NUMBERS:
        end = following.end()
        following = _NEXT_WORD.match(text, end)
    return end


@lru_cache(maxsize=4096)
def numbers_of(question: str) -> frozenset[Decimal]:
    """Returns the numbers that a question names itself."""
    text = clean(question)
    return frozenset(quantity.value for quantity in _candidates(text))
