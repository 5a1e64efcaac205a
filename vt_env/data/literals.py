"""Lists and dicts that a cell of text writes, as tables that hold text alone have them."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_BACKSLASH = re.compile(r"""\\([\\'"abfnrtvxuUN\n])|\\""")


def literal(text: str) -> list[Any] | dict[Any, Any] | None:
    """The list or dict that a text writes in JSON or in Python; None where it writes neither."""
    text = text.strip()
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(_BACKSLASH.sub(_kept, text))
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
    return value if isinstance(value, list | dict) else None


def _kept(match: re.Match[str]) -> str:
    """Doubles a stray backslash, as in LaTeX written by hand; Python would warn of it."""
    return match.group() if match[1] else r"\\"
