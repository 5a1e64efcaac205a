"""Parameters of judges as people write them: a command line gives numbers and flags as text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from judges.errors import JudgeError

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def as_number(name: str, value: object, above: float = -math.inf) -> float:
    """Reads a finite number.

    Args:
        name: The setting's name, for the error.
        value: A number, or text that says one.
        above: The number must be greater.

    Raises:
        JudgeError: Naming the setting, if it is no number or too small.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number <= above:
        wanted = "a number" if above == -math.inf else f"a number above {above:g}"
        raise JudgeError(f"{name} must be {wanted}, got {value!r}.")
    return number


def as_count(name: str, value: object, least: int = 0) -> int:
    """Reads a whole number of at least `least`.

    Raises:
        JudgeError: Naming the setting, if it is none or too small.
    """
    try:
        number = as_number(name, value)
    except JudgeError:
        number = math.nan
    if number != number // 1 or number < least:
        raise JudgeError(f"{name} must be a whole number of at least {least}, got {value!r}.")
    return int(number)


def as_flag(name: str, value: object) -> bool:
    """Reads a yes or a no.

    Raises:
        JudgeError: Naming the setting, if it is neither.
    """
    flag = _FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise JudgeError(f"{name} must be true or false, got {value!r}.")
    return flag


def as_mapping(name: str, value: object) -> Mapping[str, Any]:
    """Reads a mapping, or a JSON object that says one.

    Raises:
        JudgeError: Naming the setting, if it is neither.
    """
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise JudgeError(f"{name} must be a mapping or a JSON object, got {value!r}.")
    return found
