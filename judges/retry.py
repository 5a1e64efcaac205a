"""When to try again, how long to wait first, and when to leave a server alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from judges.errors import JudgeError


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds on the tries for one case.

    Attributes:
        max_tries: Requests sent at most, the first included; at least 1.
        max_seconds: Time a case may take in all, waits included, from its first request.
        request_seconds: Time one request may take.
        base_delay: Mean wait before the second try, in seconds; doubles with each further try.
        max_delay: Longest wait that this side chooses, in seconds.
        max_misread: Replies that are no verdict after which a case is given up; at least 1. At
            temperature 0 a model seldom changes its mind, so this bound is the tighter one.
    """

    max_tries: int = 6
    max_seconds: float = 120.0
    request_seconds: float = 30.0
    base_delay: float = 0.5
    max_delay: float = 20.0
    max_misread: int = 3

    def __post_init__(self) -> None:
        for name in ("max_tries", "max_misread"):
            if getattr(self, name) < 1:
                raise JudgeError(f"{name} must be at least 1, got {getattr(self, name)!r}.")
        for name in ("max_seconds", "request_seconds", "base_delay", "max_delay"):
            if not getattr(self, name) > 0:
                raise JudgeError(f"{name} must be above 0, got {getattr(self, name)!r}.")

    def delay(self, tries: int, rng: random.Random, retry_after: float | None = None) -> float:
        """Returns the seconds to wait after the `tries`-th failure.

        Exponential with jitter: uniform in [0.5, 1.5) times the doubled base, within `max_delay`.
        Never shorter than what the server asked for; a longer wish of the server is granted.
        """
        grown = min(self.base_delay * 2.0 ** min(tries - 1, 60), self.max_delay)
        chosen = min(grown * (0.5 + rng.random()), self.max_delay)
        return max(chosen, retry_after or 0.0)


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Reads how long a server wants to be left alone.

    Args:
        headers: Response headers; ``retry-after-ms`` and ``retry-after`` (seconds or a date).
        now: The present moment, for dates; the clock's when None.

    Returns:
        Seconds, at least 0; None when nothing readable is said.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000.0)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _number(text: str | None) -> float | None:
    """Reads a finite number, or None."""
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e9 else None


class CircuitBreaker:
    """Leaves a server alone for a while after a run of failures.

    Closed at first. After `threshold` failures in a row it opens: nobody may call for `cooldown`
    seconds. Then one caller tries; its success closes the circuit, its failure opens it again.

    Args:
        threshold: Failures in a row that open the circuit; at least 1.
        cooldown: Seconds it stays open.

    Raises:
        JudgeError: If an argument is out of its range.
    """

    def __init__(self, threshold: int = 20, cooldown: float = 5.0) -> None:
        if threshold < 1 or not cooldown > 0:
            raise JudgeError("A circuit breaker needs a threshold of 1 or more and a cooldown.")
        self._threshold = threshold
        self._cooldown = cooldown
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """True from the failure that opens the circuit to the success that closes it."""
        return self._failures >= self._threshold

    def enter(self, now: float) -> float:
        """Asks to make a call.

        Args:
            now: A monotonic clock's seconds.

        Returns:
            0.0 when the caller may go on; else the seconds after which it may ask again.
        """
        if not self.is_open:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        self._open_until = now + self._cooldown
        return 0.0

    def succeeded(self) -> None:
        """Reports an answer from the server; closes the circuit."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """Reports a failure of the server."""
        self._failures += 1
        if self.is_open:
            self._open_until = now + self._cooldown
