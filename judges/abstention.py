"""What a missing verdict does: to an episode's group, and to a run."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from judges.errors import AbstentionLimitError, JudgeError
from judges.parameters import as_count


def kept_in_group(scores: Sequence[float | None], min_verdicts: int = 2) -> tuple[bool, ...]:
    """Says which episodes of a group count in its mean and in the loss.

    An episode without a verdict leaves both. The group itself stays while at least `min_verdicts`
    verdicts remain; below that none of its episodes counts.

    Args:
        scores: The group's scores in order; None where the judge abstained.
        min_verdicts: Fewest verdicts with which a group still teaches something.
    """
    kept = tuple(score is not None for score in scores)
    return kept if sum(kept) >= min_verdicts else (False,) * len(scores)


class AbstentionLimit:
    """Stops a run when too many of its recent verdicts are missing.

    Args:
        max_share: Largest share of abstentions that is borne, in [0, 1].
        window: Over how many of the latest verdicts the share is taken. Nothing is raised before
            that many have been seen.

    Raises:
        JudgeError: If an argument is out of its range.
    """

    def __init__(self, max_share: float = 0.2, window: int = 256) -> None:
        number = isinstance(max_share, int | float) and not isinstance(max_share, bool)
        if not number or not 0.0 <= max_share <= 1.0:
            raise JudgeError(
                f"max_abstention_share: the share of abstentions lies in [0, 1], got {max_share!r}."
            )
        as_count("window", window, 1)
        self._max_share = max_share
        self._recent: deque[str | None] = deque(maxlen=window)

    @property
    def share(self) -> float:
        """Share of abstentions among the latest verdicts, in [0, 1]; 0 before the first."""
        missing = sum(reason is not None for reason in self._recent)
        return missing / len(self._recent) if self._recent else 0.0

    def check(self, abstained: Iterable[str | None]) -> None:
        """Takes in verdicts.

        Args:
            abstained: `Verdict.abstained` of each: the reason, or None where there is a score.

        Raises:
            AbstentionLimitError: If the share of abstentions is above the limit.
        """
        self._recent.extend(abstained)
        if len(self._recent) < (self._recent.maxlen or 0) or self.share <= self._max_share:
            return
        reasons = Counter(reason for reason in self._recent if reason is not None)
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        raise AbstentionLimitError(
            f"The judge abstained on {self.share:.0%} of the last {len(self._recent)} answers "
            f"({listed}); the limit is {self._max_share:.0%}. Mend the judge and resume, or raise "
            "the limit."
        )
