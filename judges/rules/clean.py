"""Text clean-up shared by the rules: invisible characters, number forms, comparison keys.

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
        **dict.fromkeys("“”„‟″«»「」『』", '"'),
        "⁄": "/",
        "∕": "/",
        "×": "x",
        "·": "*",
        "：": ":",
        "∶": ":",
        "。": ".",
        "、": ",",
    }
)

_SEPARATORS = str.maketrans({**dict.fromkeys('!"(),:;?@[\\]{|}~`', " "), "&": " and ", "'": ""})
_POINT = re.compile(r"(?<![0-9])[./](?![0-9])|(?<![0-9])/|/(?![0-9])|\.(?![0-9])|(?<=[^\W\d])\.")
_STAR = re.compile(r"(?<![\w)])\*|\*(?![\w(])|_")
_HYPHEN = re.compile(r"(?<=\w)-(?=[^\W\d])|(?<=[^\W\d])-(?=\w)|(?<!\S)-(?=[^\W\d])|(?<!\w)-(?!\S)")
_CHARGE = re.compile(r"(?<=\w)\^(\d?[+-])(?![\w(])")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_RANGE = re.compile(r"(?<=\d)(?:\s*-\s*|\s+to\s+)(?=\d)")
_ARTICLES = frozenset({"a", "an", "the"})
_BEFORE_A_LETTER = (
    "appendix block blood building category class column diagram exhibit figure gate grade group "
    "hepatitis influenza item label level line list model option panel part plan platform plot "
    "point row section series set sheet size team terminal tier type unit version vitamin wing zone"
)
_LABELLED = frozenset(_BEFORE_A_LETTER.split())
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


def clean(text: str) -> str:
    """Returns `text` in NFKC, without invisible characters, with single spaces.

    Superscripts become powers (``10²`` is ``10^2``, not ``102``) and a vulgar fraction is kept
    apart from the number before it (``3½`` is ``3 1/2``).
    """
    if text.isascii():
        if not text.isprintable() and _INVISIBLE.search(text):
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


def spaceless(text: str) -> bool:
    """True when `text` holds a script that is written without spaces, such as Chinese."""
    return not text.isascii() and _SPACELESS.search(text) is not None


@lru_cache(maxsize=4096)
def text_key(text: str) -> str:
    """Returns the form in which two short texts are equal when they say the same.

    Case, articles, separating punctuation and runs of spaces do not count; digits, signs and
    symbols do: ``A-`` is not ``A``, and ``Cl-`` is not ``Cl``.
    """
    key = clean(text).casefold()
    if " to " in key or not (key.isascii() and key.replace(" ", "").isalnum()):
        key = _plain(key)
    words = key.split()
    if len(words) < 2 or _ARTICLES.isdisjoint(words):
        return " ".join(words)
    return " ".join(_without_articles(words))


def _plain(key: str) -> str:
    """Takes separating punctuation out of a case-folded text."""
    if not key.isascii():
        # Separating marks of other scripts go; symbols such as arrows stay, for they mean things.
        key = "".join(
            " " if not char.isascii() and unicodedata.category(char)[0] in "PZ" else char
            for char in key
        )
    key = key.translate(_SEPARATORS)
    # Each of the rest costs a scan, and most texts hold none of it.
    if "^" in key:
        key = _CHARGE.sub(r"\1", key)
    if "." in key:
        key = _INITIALS.sub(lambda run: run.group().replace(".", ""), key)
    if "-" in key or " to " in key:
        key = _RANGE.sub("-", key)
    if "." in key or "/" in key:
        key = _POINT.sub(" ", key)
    if "*" in key or "_" in key:
        key = _STAR.sub(" ", key)
    return _HYPHEN.sub(" ", key) if "-" in key else key


def _without_articles(words: list[str]) -> list[str]:
    """Drops articles, but not the letter of "vitamin A" nor a text of articles alone."""
    last = len(words) - 1
    kept = [
        word
        for index, word in enumerate(words)
        if word not in _ARTICLES or index == last or (index and words[index - 1] in _LABELLED)
    ]
    return kept or words
