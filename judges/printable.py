"""Text of strangers as it may be printed: what would steer a terminal is written out.

Names, questions, answers and errors come from files, models and endpoints. An escape code in one of
them would clear the screen or colour what follows, a bidirectional override would turn it around.
"""

from __future__ import annotations

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""C0 but for tab and line feed, C1, separators of lines, marks and overrides of direction, and
halves of surrogate pairs, which no terminal takes."""


def printable(text: str) -> str:
    r"""The text with every such character written as Python writes it: ``\x1b``, ``\u202e``."""
    return _CONTROLS.sub(_written, text)


def _written(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
