"""Reads the part of a prediction that answers, out of all that a model writes around it."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from judges.rules.clean import clean
from judges.rules.hints import Hint
from judges.rules.latex import last_boxed, plain_latex

_SPECIAL_TOKEN = re.compile(r"<\|[^<>|]{1,40}\|>|</?s>|<(?:eos|bos|pad|end_of_turn)>")
_BOX_TOKENS = re.compile(r"<\|begin_of_box\|>(.*?)(?:<\|end_of_box\|>|$)", re.DOTALL)
_ANSWER_TAG = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL | re.IGNORECASE)
_FENCED = re.compile(r"^```(?:\w+)?\s*(.*?)\s*```$", re.DOTALL)
_ANSWER_KEYS = frozenset({"answer", "final_answer", "final answer", "result", "choice", "option"})
_EMPHASIS = re.compile(r"(?<!\w)(?:\*\*|__)|(?:\*\*|__)(?!\w)|(?:(?<=\s)|^)#{1,6}(?=\s)")
_MARK_HINT = Hint("answer|result|option|choice|答|选|正解|답")
_ANSWER_MARK = re.compile(
    r"\b(?:(?:(?:final|correct|right|best)\s+)*(?:answer|result)"
    r"|(?:final|correct|right|best)\s+(?:option|choice|letter))"
    r"(?:\s+(?:to|for|of)\s+(?:the|this|that|your)(?:\s+\w+)?\s+(?:question|problem|puzzle))?"
    r"\s*(?:\b(?:is|was|would\s+be|should\s+be|must\s+be|will\s+be)\b|:|=|->|→|-(?=\s))"
    r"(?:\s*:)?(?:\s+(?:therefore|thus|hence|clearly|definitely|indeed|simply)\b,?)?\s*"
    r"|(?:正确|最终|正確)?(?:答案|选项|答)\s*(?:应该是|应为|是|为|:)\s*"
    r"|(?:故|应|所以|因此)?(?<![不没非别])(?:选择|选)\s?:?\s?(?=[(\[]?[A-Z](?![A-Za-z]))"
    r"|(?:答えは|正解は|答え:|정답은|정답:|답은|답:)\s*",
    re.IGNORECASE,
)
_HEADING = re.compile(r"#{1,6}\s*(?:the\s+)?(?:final\s+)?answer\s*:?\s+", re.IGNORECASE)
_SPEAKER = re.compile(r"^(?:assistant|model|bot|gpt)\s*:\s*", re.IGNORECASE)
_CLOSING = re.compile(
    r"[.,!;\s]+(?:i hope (?:it|this|that) (?:is correct|helps)|hope this helps)[.!]*$",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    r"\s(?:explanation|reasoning|reason|rationale|justification)\s*:(.*)$|[\s.](?:解析|解释)\s*:(.*)$",
    re.IGNORECASE | re.DOTALL,
)
_RETRACTION = Hint(
    r"\b(?:actually|wait|correction|sorry|instead|rather|however|but|not|or|no|wrong|incorrect|"
    r"mistake\w*|answer|option|should|alternatively|recount\w*|reconsider\w*)\b|n't\b"
)
_LEAD_IN = re.compile(
    r"^(?:(?:so|thus|hence|therefore|then|ok|okay|well)\b[,:]?\s+)?"
    r"(?:i\s+(?:think|believe|guess|would\s+say)\s+(?:that\s+)?)?"
    r"(?:(?:it|this|that|there|they|these|he|she)(?:'s|\s+is|\s+are|\s+was|\s+were)\s+)?"
    r"(?:(?:about|approximately|around|roughly|exactly|nearly|almost|approx\.?|~|≈)\s*)?",
    re.IGNORECASE,
)
_QUOTED_ENDS = "\"'*`_"
_TICKS = "✅✔☑👉🎯✓"


def strip_marks(text: str) -> str:
    """Removes what surrounds an answer: quotes, emphasis, a closing full stop."""
    if text[:1].isalnum() and text[-1:].isalnum() and text.isascii():
        return text
    previous = None
    while text != previous:
        previous = text
        text = text.strip().strip(_QUOTED_ENDS).rstrip(".,;:!").strip()
        if not text.isascii():
            text = text.strip(_TICKS).strip().removesuffix("です").removesuffix("입니다").strip()
        bracketed = text[:1] + text[-1:] == "()" and text.count("(") == 1
        if bracketed and "," not in text and ";" not in text:  # "(2, 3)" is a pair
            text = text[1:-1]
    return text


@lru_cache(maxsize=4096)  # options and references are read several times a case
def final_answer(text: str) -> str:
    r"""Returns the part of a prediction that answers: the box, else what follows "answer is".

    Special tokens that a tokenizer left behind, answer tags, box tokens, a JSON object with one
    answer and a speaker's name are taken off first.

    Args:
        text: A whole prediction, in any form.

    Returns:
        Cleaned text. Nothing that could contradict the answer is cut off behind it: a prediction
        that changes its mind is not shortened to the half that happens to be right.
    """
    if text.isalnum() and text.isascii():
        return text
    if "<" in text or "```" in text or text.lstrip()[:1] == "{":
        text = _unwrapped(text)
    heading = list(_HEADING.finditer(text)) if "#" in text else []
    if heading:
        text = text[heading[-1].end() :]
    text = clean(text)
    boxed = last_boxed(text)
    if boxed is not None:
        text = boxed
    text = plain_latex(text)
    if boxed is None and (" " in text or ":" in text or not text.isascii()):
        text = _after_mark(text)
    text = strip_marks(text)
    if " " not in text and text[:1] not in "~≈":
        return text
    lead = _LEAD_IN.match(text)
    shorter = text[lead.end() :] if lead else text
    return strip_marks(shorter) if shorter and shorter != text else text


def explained(text: str) -> bool:
    """True when `text`, said behind an answer, does not take the answer back."""
    return not _RETRACTION.isin(text)


def _after_mark(text: str) -> str:
    """Returns what stands behind the last "the answer is", without a closing phrase."""
    if "**" in text or "__" in text or "#" in text:
        text = " ".join(_EMPHASIS.sub("", text).split())
    if ":" in text:
        text = _SPEAKER.sub("", text)
    if _MARK_HINT.isin(text):
        end = 0
        for mark in _ANSWER_MARK.finditer(text):
            end = mark.end() if mark.end() < len(text) else end
        text = text[end:]
    if "hope" in text:
        text = _CLOSING.sub("", text)
    explanation = _EXPLANATION.search(text) if ":" in text else None
    if explanation and explanation.start() and explained(explanation[1] or explanation[2] or ""):
        text = text[: explanation.start()]
    return text


def _unwrapped(text: str) -> str:
    """Takes off the wrappers that models and their tokenizers leave around an answer."""
    boxes = _BOX_TOKENS.findall(text)
    tags = _ANSWER_TAG.findall(text) if not boxes else []
    if boxes or tags:
        text = (boxes or tags)[-1]
    text = _SPECIAL_TOKEN.sub(" ", text).strip()
    fenced = _FENCED.match(text)
    text = fenced[1] if fenced else text
    return _from_json(text) if text[:1] == "{" and text[-1:] == "}" else text


def _from_json(text: str) -> str:
    """Returns the one answer in a JSON object; the text itself when there is none or several."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict):
        return text
    found = [value[key] for key in value if key.strip().lower() in _ANSWER_KEYS]
    if len(found) != 1 or isinstance(found[0], dict | list | None):
        return text
    return found[0] if isinstance(found[0], str) else json.dumps(found[0])
