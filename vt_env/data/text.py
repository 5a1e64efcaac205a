"""The text of a cell: the list or dict that it writes, and how errors quote it.

A value may be a whole image, and an error must stay readable.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

MAX_QUOTED = 80
"""Characters of a value that an error quotes at most."""
_BACKSLASH = re.compile(r"""\\([\\'"abfnrtvxuUN\n])|\\""")


def shortened(text: str) -> str:
    """The text itself, or its first `MAX_QUOTED` characters, the last of them an ellipsis."""
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"


def quoted(value: object) -> str:
    """A value as Python writes it, of a long one only the start."""
    if isinstance(value, str):
        return repr(shortened(value))
    return shortened(repr(value))


def shortened_path(path: str, root: str) -> str:
    """A path below `root`, with only the end of what it adds to the root when that is long."""
    start = root if path.startswith(root) else ""
    added = path[len(start) :]
    return path if len(added) <= MAX_QUOTED else f"{start}…{added[1 - MAX_QUOTED :]}"


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
