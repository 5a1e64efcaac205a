"""What a setting's value must be: its type and its range, told by name."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass

from judges import VisionThinkError
from vt_env.errors import ConfigError

_LARGE = 1e9
"""From here on a bound is no end of a range that is of interest as such."""


@dataclass(frozen=True)
class Numbers:
    """The numbers that a setting may have; NaN and infinities never are.

    Attributes:
        low: The smallest.
        high: The largest; None: none is too large.
        above: Whether `low` itself is left out.
        below: Whether `high` itself is left out.
        whole: Whether they are whole numbers.
        optional: Whether None is a value too.
    """

    low: float = 0.0
    high: float | None = None
    above: bool = False
    below: bool = False
    whole: bool = False
    optional: bool = False

    def holds(self, value: object) -> bool:
        """Whether a value is one of them; flags and text that says a number are not."""
        if value is None:
            return self.optional
        kind = numbers.Integral if self.whole else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        number = float(value)
        if not math.isfinite(number) or number < self.low or (self.above and number == self.low):
            return False
        return self.high is None or number < self.high or (number == self.high and not self.below)

    @property
    def kind(self) -> str:
        """What they are: the type alone."""
        return ("a whole number" if self.whole else "a number") + (
            " or None" if self.optional else ""
        )

    def __str__(self) -> str:
        if self.high is None:
            return f"be above {self.low:g}" if self.above else f"be at least {self.low:g}"
        if self.above and self.below:
            return f"lie between {self.low:g} and {self.high:g}"
        if self.high >= _LARGE and not self.above and not self.below:
            return f"be at least {self.low:g} and at most {self.high:.10g}"
        left, right = "(" if self.above else "[", ")" if self.below else "]"
        return f"lie in {left}{self.low:g}, {self.high:.10g}{right}"


def check_number(
    name: str, value: object, accepted: Numbers, error: type[VisionThinkError] = ConfigError
) -> None:
    """Refuses a value that is no number, or out of range.

    Args:
        name: The setting's name.
        value: Its value.
        accepted: What it may be.
        error: What is raised.

    Raises:
        VisionThinkError: Of the kind `error`, with name, range and value.
    """
    if not accepted.holds(value):
        raise error(f"{name} must {accepted} and be {accepted.kind}, got {repr(value)[:80]}.")


def check_numbers(
    settings: object,
    accepted: Mapping[str, Numbers],
    error: type[VisionThinkError] = ConfigError,
) -> None:
    """Checks those attributes of an object that `accepted` names."""
    for name, kept in accepted.items():
        check_number(name, getattr(settings, name), kept, error)


def check_flag(name: str, value: object, error: type[VisionThinkError] = ConfigError) -> None:
    """Refuses what is neither True nor False."""
    if not isinstance(value, bool):
        raise error(f"{name} must be true or false, got {repr(value)[:80]}.")


def check_text(
    name: str,
    value: object,
    optional: bool = False,
    error: type[VisionThinkError] = ConfigError,
) -> None:
    """Refuses what is no text, and empty text."""
    if value is None and optional:
        return
    if not isinstance(value, str) or not value:
        raise error(f"{name} must be a text, got {repr(value)[:80]}.")
