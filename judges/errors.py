"""The error vocabulary of the judges, and the base of every error in this project.

    VisionThinkError
    ├── UnknownNameError        a name that is in no registry ("did you mean …?")
    ├── JudgeError              a judge is set up or used wrongly
    │   ├── CacheMissError      a replay met a case that was never judged
    │   ├── AbstentionLimitError  too many verdicts are missing for training to go on
    │   ├── EndpointError       a judging model cannot be reached
    │   └── ServeError          a judge's server did not start
    └── (vt_env.errors adds the rest)

A judge that cannot decide raises nothing: it returns a `Verdict` that abstains, with its reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VisionThinkError(Exception):
    """Base class of every error that this project raises on purpose."""


class UnknownNameError(VisionThinkError, KeyError):
    """A name was looked up that no registry entry has.

    Args:
        what: Kind of thing that was looked up, such as ``"judge"``.
        name: The name as given.
        known: Every name that would have been accepted.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.what, self.name, self.known = what, name, tuple(sorted(known))
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        self.message = f"Unknown {what} {name!r}.{hint} Known: {', '.join(self.known) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        return UnknownNameError, (self.what, self.name, self.known)


class JudgeError(VisionThinkError):
    """A judge was configured or called in a way that cannot work."""


class CacheMissError(JudgeError):
    """A replay met a case that its cache does not hold."""


class AbstentionLimitError(JudgeError):
    """So many verdicts are missing that going on would train on noise."""


class EndpointError(JudgeError):
    """A judging model cannot be reached, or does not accept what it is asked."""


class ServeError(JudgeError):
    """A judge's server did not start."""
