"""Settings that are handed on: an unknown one is told with the names of all who were asked."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from vt_env.errors import UnknownSettingError
from vt_env.rewards import RewardConfig


def setting_names(owner: Callable[..., Any]) -> list[str]:
    """Names of the settings that a class or function takes itself, not those it hands on."""
    parameters = inspect.signature(owner).parameters.values()
    return [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]


@contextmanager
def hands_on(owner: Callable[..., Any]) -> Iterator[None]:
    """Where `owner` hands settings on, an unknown one may be a misspelt setting of its own.

    Raises:
        UnknownSettingError: In place of the one that is raised inside, with the names of both.
    """
    try:
        yield
    except UnknownSettingError as error:
        hint = error.hint or _reward_hint(error.setting)
        raise error.among(owner.__name__, setting_names(owner), hint) from None


def _reward_hint(setting: str) -> str:
    """Weights of the reward are no settings of their own; says where they go."""
    names = [item.name for item in fields(RewardConfig)]
    close = difflib.get_close_matches(setting, names, n=1, cutoff=0.8)
    return f"It is set in rewards: rewards={{'{close[0]}': …}}." if close else ""
