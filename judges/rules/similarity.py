"""Similarity of texts (ANLS), for what it was made for: longer text that was read with noise.

A letter decides in codes, names, addresses and terms: "chloride" is not "chlorine" and "Andersen"
is not "Anderson". So short texts are compared exactly, but for spelling variants and accents, and
similarity (Biten et al., arXiv 1905.13648) serves only where most of a longer text is there word
for word, and what differs looks like a slip of reading: a letter doubled, dropped, swapped with
its neighbour, or taken for one of its shape.
"""

from __future__ import annotations

import re
import unicodedata

from judges.rules.clean import spaceless, text_key

MAX_SIMILAR_CHARS = 400
MIN_WORDS = 5
MIN_CHARS = 25
_NOISY_WORD = 5  # letters of a word in which a slip is a slip
_CLEAN_SHARE = 5  # words for each that may hold a slip
_DIGITS = re.compile(r"\d+")
_EXACT = re.compile(
    r"\S@\S|://|\bwww\.|\b[\w-]+\.(?:com|org|net|edu|gov|info|io|co|uk|de|fr|jp|cn|eu|ca|au|biz)\b",
    re.IGNORECASE,
)
_MAX_VARIANT = 6  # letters that British and American spelling differ by
_ALIKE = "il it lt li l1 i1 o0 s5 b8 ce eo uv vy nh hb ft gq g9 nu mn rn ij"
_SHAPES = frozenset(frozenset(pair) for pair in _ALIKE.split())
_BRACKETS = re.compile(r"[()\[\]{}]")
_OPERATION = re.compile(
    r"[=^√π∞\\]|[A-Za-z0-9)\]]\s?[+*/]\s?[A-Za-z0-9(]|[A-Za-z0-9)]\s?-\s?[0-9(]|[0-9)]-\s?\w"
)
_VARIANTS = (
    (
        re.compile(r"\b(col|fav|flav|harb|hon|hum|lab|neighb|rum|vap|behavi|endeav|arm|parl)our"),
        r"\1or",
    ),
    (
        re.compile(r"\b(cent|theat|lit|met|fib|kilomet|centimet|millimet|spect|lust)re(s?)\b"),
        r"\1er\2",
    ),
    (re.compile(r"\bgrey"), "gray"),
    (
        re.compile(
            r"\b(organ|real|recogn|author|minim|maxim|optim|util|analy|special|civil|emphas)is(e|ed|es|ing|ation)\b"
        ),
        r"\1iz\2",
    ),
    (re.compile(r"\b(catal|dial|anal)ogue"), r"\1og"),
    (re.compile(r"\bjewellery\b"), "jewelry"),
    (re.compile(r"\balumini?um\b"), "aluminum"),
    (re.compile(r"\b(travel|cancel|model|label|signal)l(ed|ing|er)\b"), r"\1\2"),
    (re.compile(r"\bcheque\b"), "check"),
    (re.compile(r"\btyre"), "tire"),
    (re.compile(r"\bpyjamas\b"), "pajamas"),
    (re.compile(r"\bplough\b"), "plow"),
    (re.compile(r"\b(def|off|lic)ence\b"), r"\1ense"),
    (re.compile(r"\bprogramme(s?)\b"), r"program\1"),
)
_VARIANT_HINT = re.compile(r"our|re|gr|is|ogue|ell|ium|ll|que|tyr|pyj|plo|ence|mme")
_NTH = re.compile(r"\d(?:st|nd|rd|th)\b")
_FIRST_TO_TWELFTH = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_ORDINALS = {
    word: f"{index}{_ENDINGS.get(index, 'th')}"
    for index, word in enumerate(_FIRST_TO_TWELFTH.split(), start=1)
}


def edit_distance(left: str, right: str) -> int:
    """Returns the Levenshtein distance, with `rapidfuzz` where it is installed."""
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError:
        return _edit_distance(left, right)
    return int(Levenshtein.distance(left, right))


def _edit_distance(left: str, right: str) -> int:
    """Returns the Levenshtein distance; the row-by-row textbook form."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def similarity(left: str, right: str) -> float:
    """Returns 1 minus the edit distance over the longer length, in [0, 1]; 1 for two empties."""
    longest = max(len(left), len(right))
    return 1.0 - edit_distance(left, right) / longest if longest else 1.0


def is_exact(text: str) -> bool:
    """True for e-mail and web addresses, in which every sign counts."""
    return ("." in text or "@" in text) and _EXACT.search(text) is not None


def same_text(left: str, right: str) -> bool:
    """Says whether two texts are the same but for case, articles, punctuation and spelling.

    Args:
        left: The prediction.
        right: The reference.
    """
    if is_exact(left) or is_exact(right):
        return left.casefold().rstrip(".") == right.casefold().rstrip(".")
    if _BRACKETS.search(left + right) and _OPERATION.search(left + right):
        return "".join(left.split()) == "".join(right.split())  # 2(x+6) is not 2x+6
    return _keys_agree(left, right)


def _keys_agree(left: str, right: str) -> bool:
    """True when the comparison keys of two texts are one, or variants of one."""
    a, b = text_key(left), text_key(right)
    if a == b:
        return bool(a) or left == right
    if not a or not b:
        return False
    if a[0] == b[0] and (_joined_alike(a, b) or _spelled_alike(a, b)):
        return True
    if not (left.isascii() and right.isascii()):
        return not spaceless(right) and _unaccented(left, right)
    return bool(_NTH.search(a) or _NTH.search(b)) and _counted(a) == _counted(b)


def similar_texts(left: str, right: str, threshold: float) -> bool:
    """Says whether two longer texts are the same but for slips of reading.

    Args:
        left: One text.
        right: The other text.
        threshold: Smallest `similarity` of the whole that counts, in (0, 1].
    """
    if min(len(left), len(right)) < MIN_CHARS or right.count(" ") < MIN_WORDS - 1:
        return False
    if is_exact(left) or is_exact(right):
        return False
    names = frozenset(word for word in right.split()[1:] if word[:1].isupper())
    left, right = text_key(left), text_key(right)
    longest, shortest = max(len(left), len(right)), min(len(left), len(right))
    if longest > MAX_SIMILAR_CHARS or shortest < threshold * longest or spaceless(right):
        return False
    if _DIGITS.findall(left) != _DIGITS.findall(right):
        return False
    if not _words_agree(left.split(), right.split(), frozenset(map(text_key, names))):
        return False
    return similarity(left, right) >= threshold


def _words_agree(left: list[str], right: list[str], names: frozenset[str]) -> bool:
    """True when the words pair up, all but one in five of them letter for letter."""
    if len(left) != len(right) or len(right) < MIN_WORDS:
        return False
    slips = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    if len(slips) * _CLEAN_SHARE > len(right):
        return False
    return all(b not in names and _is_slip(a, b) for a, b in slips)


def _is_slip(a: str, b: str) -> bool:
    """True when one word is the other with a single slip of reading inside."""
    if min(len(a), len(b)) < _NOISY_WORD or a[0] != b[0] or not (a + b).isalpha():
        return False
    start = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    back = 0
    while back < min(len(a), len(b)) - start and a[-1 - back] == b[-1 - back]:
        back += 1
    ours, theirs = a[start : len(a) - back], b[start : len(b) - back]
    if len(ours) == len(theirs) == 2:
        return ours == theirs[::-1]
    if len(ours) == len(theirs) == 1:
        return frozenset(ours + theirs) in _SHAPES
    if {len(ours), len(theirs)} == {0, 1}:
        return back > 0  # a letter dropped or doubled inside
    return {ours, theirs} in ({"rn", "m"}, {"cl", "d"}, {"vv", "w"})


def _unaccented(left: str, right: str) -> bool:
    """True for a name whose accents one side left out altogether ("Sao Paulo")."""
    if right.isascii() == left.isascii() or not right[:1].isupper():
        return False
    accented, plain = (left, right) if right.isascii() else (right, left)
    marks = unicodedata.normalize("NFD", accented)
    bare = "".join(char for char in marks if not unicodedata.combining(char))
    return bare.isascii() and text_key(bare) == text_key(plain)


def _joined_alike(a: str, b: str) -> bool:
    """True when two keys differ in their spaces alone, and none parts a number."""
    return a.replace(" ", "") == b.replace(" ", "") and _DIGITS.findall(a) == _DIGITS.findall(b)


def _spelled_alike(a: str, b: str) -> bool:
    """True when all words that differ are one word in British and American spelling."""
    if abs(len(a) - len(b)) > _MAX_VARIANT:
        return False
    left, right = a.split(), b.split()
    return len(left) == len(right) and all(
        ours == theirs or _spelled(ours) == _spelled(theirs)
        for ours, theirs in zip(left, right, strict=True)
    )


def _spelled(word: str) -> str:
    """Returns a word in American spelling."""
    if _VARIANT_HINT.search(word) is None:
        return word
    for pattern, plain in _VARIANTS:
        word = pattern.sub(plain, word)
    return word


def _counted(key: str) -> str:
    """Returns a text with its ordinals in digits: "second floor" is "2nd floor"."""
    words = key.split()
    return " ".join(_ORDINALS.get(word, word) for word in words) if len(words) > 1 else key
