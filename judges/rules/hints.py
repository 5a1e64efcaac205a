"""Words that are looked for in a text, in whatever case."""

from __future__ import annotations

import re


class Hint:
    r"""A pattern that is looked for, in whatever case.

    Python minds no case three times as slowly as it minds it, and most texts that the rules meet
    hold none of what they look for. So a text in ASCII is put into lower case first.

    Args:
        pattern: A regular expression whose letters are lower case, escapes such as ``\S`` aside.

    Raises:
        ValueError: If a letter of the pattern is a capital, which would never be found.
    """

    __slots__ = ("_any_case", "_lower")

    def __init__(self, pattern: str) -> None:
        if re.search(r"[A-Z]", re.sub(r"\\.", "", pattern)):
            raise ValueError(f"A capital in {pattern!r} is never found in lower case.")
        self._lower = re.compile(pattern)
        self._any_case = re.compile(pattern, re.IGNORECASE)

    def isin(self, text: str) -> bool:
        """Whether it stands anywhere in `text`."""
        if text.isascii():
            return self._lower.search(text.lower()) is not None
        return self._any_case.search(text) is not None
