"""What a fault came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Trial:
    """One fault.

    Attributes:
        kind: What was done, in the words of the table.
        held: Whether what is promised held.
        found: What was found where it did not.
    """

    kind: str
    held: bool
    found: str = ""


@dataclass(frozen=True)
class Tally:
    """Faults of a kind.

    Attributes:
        kind: What was done.
        trials: How often.
        held: How often what is promised held.
        found: What was found where it first did not.
    """

    kind: str
    trials: int
    held: int
    found: str

    @classmethod
    def of(cls, kind: str, trials: Sequence[Trial]) -> Self:
        """Counts trials."""
        broken = [trial.found for trial in trials if not trial.held]
        return cls(kind, len(trials), len(trials) - len(broken), next(iter(broken), ""))


def tallies(trials: Iterable[Trial]) -> list[Tally]:
    """Trials by kind, in the order in which kinds came."""
    kinds: dict[str, list[Trial]] = {}
    for trial in trials:
        kinds.setdefault(trial.kind, []).append(trial)
    return [Tally.of(kind, mine) for kind, mine in kinds.items()]
