r"""LaTeX in answers: boxes, and simple formulas as plain text."""

from __future__ import annotations

import re

_BRACE = re.compile(r"\\f?boxed\s*\{|\\fbox\s*\{|[{}]")
_TAIL = re.compile(
    r"^\s*\$?\s*(?:\\[,;:! ]\s*)*"
    r"(?:\\(?:text|mathrm|rm)\s*\{\s*([^{}\d]{1,24}?(?:\^?[23])?)\s*\}(?:\^\{?([23])\}?)?"
    r"|([A-Za-z%°µμΩ]{1,12}(?:/[A-Za-z]{1,4})?(?:\^?[23])?))\s*\$?\s*[.。]?\s*(?:$|(?<=[.。])\s)"
)
_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|operatorname|rm|bf)\s*\{([^{}]*)\}"
)
_POWERED_WRAPPER = re.compile(
    r"\\(?:text|textrm|mathrm|operatorname)\s*\{\s*([^{}]*?)\s*\}\s*\^\s*\{?\s*(-?\d)\s*\}?"
)
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(\d)\s*(\d)")
_DEGREE = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree\b")
_SPACING = re.compile(r"\\[,;:! ]|\\q?quad\b|\\left(?![a-z])|\\right(?![a-z])|~")
_TIMES = re.compile(r"\\times\b|\\cdot\b")
_ESCAPED = re.compile(r"\\([%$&#_{}])")
_GROUPED_DIGITS = re.compile(r"(?<=\d)\{,\}(?=\d{3})")
_INLINE = re.compile(r"\$\$?(?=\S)((?:[^$]|\\\$)*?[^\s$])\$\$?(?!\d)")
_ROOT = re.compile(r"√\s?(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+(?:\.\d+)?|[a-zA-Z]))")
_ROOT_SPACES = re.compile(r"\\sqrt\s*\{\s*([^{}]*?)\s*\}")
_INNER_SPACE = re.compile(r" \$(?=[\s.,;:!?]|$)")
_TEXT_SYMBOL = {"\\mu": "µ", "\\Omega": "Ω", "\\pi": "π", "\\pm": "±", "\\%": "%"}
_SYMBOL = re.compile(r"\\(?:mu|Omega|pi|pm)(?![a-zA-Z])\s?|\\%")


def last_boxed(text: str) -> str | None:
    r"""Returns what the last complete ``\boxed{…}`` holds, or None when there is none.

    A unit right behind the box, as in ``\boxed{5}\text{ cm}``, belongs to the answer.
    """
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
    if last is None:
        return None
    inside = text[last[0] : last[1]].strip()
    tail = _TAIL.match(text[last[1] + 1 : last[1] + 80]) if inside[-1:].isdigit() else None
    if tail is None:
        return inside
    return f"{inside} {tail[1] or tail[3]}" + (f"^{tail[2]}" if tail[2] else "")


def plain_latex(text: str) -> str:
    r"""Rewrites simple LaTeX as plain text: ``\frac{3}{4}`` is ``3/4``, ``50\%`` is ``50%``.

    Dollar signs around mathematics go (``$28$ %`` is ``28 %``); those of money stay.
    """
    if "√" in text:
        text = _ROOT.sub(lambda root: f"\\sqrt{{{root[1] or root[2] or root[3]}}}", text)
    if "\\" not in text and "$" not in text and "{" not in text:
        return text
    if "\\" in text:
        text = _GROUPED_DIGITS.sub(",", text)
        text = _ROOT_SPACES.sub(r"\\sqrt{\1}", _SPACING.sub(" ", text))
        text = _DEGREE.sub("°", text)
        text = _TIMES.sub("x", text)
        text = _SYMBOL.sub(lambda found: _TEXT_SYMBOL[found.group().strip()], text)
        for _ in range(3):
            text = _POWERED_WRAPPER.sub(r" \1^\2 ", text)
            text = _WRAPPER.sub(r" \1 ", text)
            text = _FRACTION.sub(_write_fraction, text)
        text = _SHORT_FRACTION.sub(_write_fraction, text)
        text = text.replace("\\(", " ").replace("\\)", " ").replace("\\[", " ").replace("\\]", " ")
        text = text.replace("\\$", "\0")
    if text.count("$") >= 2:
        text = _INNER_SPACE.sub("$", " ".join(text.split()))
        text = _INLINE.sub(r"\1", text)
    if "\\" in text or "\0" in text:
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
