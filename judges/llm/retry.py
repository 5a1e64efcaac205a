"""When to try again, how long to wait first, and when to leave a server alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from judges.parameters import as_count, as_number


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds on the tries for one case, and on the patience with a server in trouble.

    Attributes:
        max_tries: Requests sent for a case at most, the first included; at least 1.
        max_seconds: Time a case may take in all, waits included, from its first request.
        request_seconds: Time one request may take.
        base_delay: Mean wait before the second try, in seconds; doubles with each further try.
        max_delay: Longest wait that this side chooses, in seconds.
        max_misread: Replies that are no verdict after which a case is given up; at least 1. At
            temperature 0 a model seldom changes its mind, so this bound is the tighter one.
        breaker_threshold: Failures in a row after which the server is left alone; at least 1.
        breaker_seconds: For how long, before one request probes it.
        breaker_probes: Probes that fail before cases no longer wait for the server; at least 1.

    Raises:
        JudgeError: If a value is no number or out of its range; text that says a number is read.
    """

    max_tries: int = 6
    max_seconds: float = 120.0
    request_seconds: float = 30.0
    base_delay: float = 0.5
    max_delay: float = 20.0
    max_misread: int = 3
    breaker_threshold: int = 20
    breaker_seconds: float = 5.0
    breaker_probes: int = 2

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            counted = isinstance(item.default, int)
            number = as_count(item.name, value, 1) if counted else as_number(item.name, value, 0.0)
            object.__setattr__(self, item.name, number)  # frozen, but to read is not to change

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
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever a header may say
        return None


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
    seconds. Then one caller probes; its success closes the circuit, its failure opens it again.
    After `probes` failed probes, or when the failures are of a kind that time does not mend, the
    server is given up: it is still probed, but nobody should wait for it.

    Args:
        threshold: Failures in a row that open the circuit; at least 1.
        cooldown: Seconds it stays open.
        probes: Failed probes after which the server is given up; at least 1.
    """

    def __init__(self, threshold: int, cooldown: float, probes: int) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._probes = probes
        self._failures = 0
        self._failed_probes = 0
        self._probing = False
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """True from the failure that opens the circuit to the success that closes it."""
        return self._failures >= self._threshold

    @property
    def given_up(self) -> bool:
        """True when the circuit is open and waiting for it is idle."""
        return self.is_open and self._failed_probes >= self._probes

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
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        """Reports an answer from the server; closes the circuit."""
        self._failures = self._failed_probes = 0
        self._probing = False

    def failed(self, now: float, lasting: bool = False) -> None:
        """Reports a failure of the server.

        Args:
            now: A monotonic clock's seconds.
            lasting: Time does not mend it, as with a key that is not accepted.
        """
        self._failures += 1
        if not self.is_open:
            return
        self._open_until = now + self._cooldown
        if lasting:
            self._failed_probes = self._probes
        elif self._probing:
            self._failed_probes += 1
        self._probing = False
