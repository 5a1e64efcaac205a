"""How errors quote values: a value may be a whole image, and an error must stay readable."""

from __future__ import annotations

MAX_QUOTED = 80
"""Characters of a value that an error quotes at most."""


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
