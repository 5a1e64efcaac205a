"""Text clean-up shared by the rules: invisible characters, LaTeX, lead-ins, articles.

Every function is pure and total: any string is accepted, however odd or long.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SUPERSCRIPTS = {**dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)), "⁻": "-", "⁺": "+"}
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_VULGAR_FRACTION = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        "⁄": "/",
        "×": "x",
        "·": "*",
        "：": ":",
        "。": ".",
        "、": ",",
    }
)

_BRACE = re.compile(r"\\f?boxed\s*\{|\\fbox\s*\{|[{}]")
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(\d)\s*(\d)")
_DEGREE = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree\b")
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad\b|\\left(?![a-z])|\\right(?![a-z])|~")
_TIMES = re.compile(r"\\times\b|\\cdot\b")
_ESCAPED = re.compile(r"\\([%$&#_{}])")
_GROUPED_DIGITS = re.compile(r"(?<=\d)\{,\}(?=\d{3})")

_ANSWER_MARK = re.compile(
    r"\b(?:(?:final|correct|right|best)\s+)*(?:answer|result)\s*(?:is|was|would be|should be|:|=)"
    r"(?:\s*:)?\s*",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"^(?:(?:so|thus|hence|therefore|then|ok|okay|well)\b[,:]?\s+)?"
    r"(?:(?:it|this|that|there|they|these|he|she)(?:'s|\s+is|\s+are|\s+was|\s+were)\s+)?"
    r"(?:(?:about|approximately|around|roughly|exactly|nearly|almost|approx\.?|~|≈)\s*)?",
    re.IGNORECASE,
)
_NOT_WORD = re.compile(r"[^\w%$€£¥°±+\-./<>=≤≥≠#^]+|(?<![0-9])[./]|[./](?![0-9])|_")
_HYPHEN = re.compile(r"(?<=[^\W\d])-|-(?=[^\W\d])|-(?![\d.])")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_RANGE = re.compile(r"(?<=\d)(?:\s*-\s*|\s+to\s+)(?=\d)")
_ARTICLES = frozenset({"a", "an", "the"})


def clean(text: str) -> str:
    """Returns `text` in NFKC, without invisible characters, with single spaces.

    Superscripts become powers (``10²`` is ``10^2``, not ``102``) and a vulgar fraction is kept
    apart from the number before it (``3½`` is ``3 1/2``).
    """
    if text.isascii():
        if _INVISIBLE.search(text):
            text = _INVISIBLE.sub("", text)
        return " ".join(text.split())
    text = _INVISIBLE.sub("", text)
    text = _SUPERSCRIPT_RUN.sub(
        lambda run: "^" + "".join(_SUPERSCRIPTS[mark] for mark in run.group()), text
    )
    text = _VULGAR_FRACTION.sub(" ", text)
    text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION)
    text = "".join(
        str(unicodedata.decimal(char)) if not char.isascii() and char.isdecimal() else char
        for char in text
    )
    return " ".join(_INVISIBLE.sub("", text).split())


def last_boxed(text: str) -> str | None:
    r"""Returns what the last complete ``\boxed{…}`` holds, or None when there is none."""
    if "box" not in text:
        return None
    opened: list[int | None] = []  # where each open brace's box begins; None for other braces
    last: tuple[int, int] | None = None
    for brace in _BRACE.finditer(text):
        if brace.group() != "}":
            opened.append(brace.end() if brace.group() != "{" else None)
        elif opened:
            start = opened.pop()
            if start is not None and (last is None or start > last[0]):
                last = start, brace.start()
    return text[last[0] : last[1]].strip() if last is not None else None


def plain_latex(text: str) -> str:
    r"""Rewrites simple LaTeX as plain text: ``\frac{3}{4}`` is ``3/4``, ``50\%`` is ``50%``."""
    if "\\" not in text and "$" not in text and "{" not in text:
        return text
    text = _GROUPED_DIGITS.sub(",", text)
    text = _SPACING.sub(" ", text)
    text = _DEGREE.sub("°", text)
    text = _TIMES.sub("x", text)
    for _ in range(3):
        text = _WRAPPER.sub(r" \1 ", text)
        text = _FRACTION.sub(_write_fraction, text)
    text = _SHORT_FRACTION.sub(r"\1/\2", text)
    text = text.replace("\\(", " ").replace("\\)", " ").replace("\\[", " ").replace("\\]", " ")
    text = text.replace("\\$", "\0")
    if text.count("$") >= 2 and text.lstrip().startswith("$") and text.rstrip().endswith("$"):
        text = text.strip().strip("$")
    text = _ESCAPED.sub(r"\1", text.replace("\0", "$"))
    return " ".join(text.split())


def _write_fraction(match: re.Match[str]) -> str:
    """Writes one LaTeX fraction on a line, with brackets around anything but a number."""
    top, bottom = (
        part if part.replace(".", "").isdigit() else f"({part})"
        for part in (match[1].strip(), match[2].strip())
    )
    lead = " " if match.start() and match.string[match.start() - 1].isdigit() else ""
    return f"{lead}{top}/{bottom}"


def strip_marks(text: str) -> str:
    """Removes what surrounds an answer: quotes, emphasis, a closing full stop."""
    previous = None
    while text != previous:
        previous = text
        text = text.strip().strip("\"'*`_").rstrip(".,;:!").strip()
        bracketed = text[:1] + text[-1:] == "()" and text.count("(") == 1
        if bracketed and "," not in text and ";" not in text:  # "(2, 3)" is a pair
            text = text[1:-1]
    return text


def final_answer(text: str) -> str:
    r"""Returns the part of a prediction that answers: the box, else what follows "answer is".

    Args:
        text: A whole prediction, in any form.

    Returns:
        Cleaned text. Nothing is cut off behind the answer: a prediction that goes on to
        contradict itself is not shortened to the half that happens to be right.
    """
    text = clean(text)
    boxed = last_boxed(text)
    if boxed is not None:
        text = boxed
    text = plain_latex(text)
    if boxed is None:
        marks = list(_ANSWER_MARK.finditer(text)) if ":" in text or " " in text else []
        if marks and marks[-1].end() < len(text):
            text = text[marks[-1].end() :]
    text = strip_marks(text)
    shorter = _LEAD_IN.sub("", text, count=1)
    return strip_marks(shorter) if shorter and shorter != text else text


@lru_cache(maxsize=65536)
def text_key(text: str) -> str:
    """Returns the form in which two short texts are equal when they say the same.

    Case, articles, punctuation and runs of spaces do not count; digits and signs do.
    """
    key = clean(text).casefold().replace("&", " and ").replace("'", "")
    key = _RANGE.sub("-", _INITIALS.sub(lambda run: run.group().replace(".", ""), key))
    words = _HYPHEN.sub(" ", _NOT_WORD.sub(" ", key)).split()
    kept = [word for word in words if word not in _ARTICLES]
    return " ".join(kept or words)
