"""What is told of a run elsewhere: its settings, its command and its errors, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.evaluation.play import PlaySettings
from vt_env.settings.tree import flatten

Value = str | int | float | bool
SECRET = re.compile(r"(?:^|[._-])(?:api)?(?:key|token|secret|password|passwd|credentials?)$", re.I)
"""Names whose texts are nobody else's business; numbers, such as a count of tokens, are none."""
HIDDEN = "(left out)"
ALWAYS = ("run.seed",)
"""Settings that are told of a trial even where they are as by default."""
ELSEWHERE = ("run.export", "run.export_project")
"""Settings that say where a run is shown, and nothing of the run."""
_LONGEST = 300


def told_settings(settings: Any) -> dict[str, Value]:
    """All settings of a tree by path, entries of tables by theirs; no secrets."""
    found: dict[str, Value] = {}
    for path, value in flatten(settings).items():
        entries = value.items() if isinstance(value, Mapping) else ()
        found |= {f"{path}.{name}": _plain(f"{path}.{name}", item) for name, item in entries}
        if not isinstance(value, Mapping):
            found[path] = _plain(path, value)
    return found


def differing(settings: PlaySettings) -> dict[str, Value]:
    """The settings that are not as by default, and the seed; no secrets.

    What a checkpoint answers where nothing is said is compared with what it answers.
    """
    default = type(settings)()
    own = replace(default, engine=replace(default.engine, model_dir=settings.engine.model_dir))
    usual = {**told_settings(own.resolved()), "engine.model_dir": default.engine.model_dir}
    return {
        path: value
        for path, value in told_settings(settings.resolved()).items()
        if path in ALWAYS or (path not in ELSEWHERE and usual.get(path) != value)
    }


def told_provenance(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a run was made by, its command without secrets."""
    return {**provenance, "command": told_command(provenance.get("command", ()))}


def told_command(words: Sequence[str]) -> list[str]:
    """A command without secrets: ``--a.token x``, ``--a.token=x`` and ``A_TOKEN=x`` lose theirs."""
    found: list[str] = []
    hides = False
    for word in words:
        name, equals, _ = word.partition("=")
        secret = SECRET.search(name) is not None
        if hides:
            found.append(HIDDEN)
        else:
            found.append(f"{name}={HIDDEN}" if secret and equals else _without_login(word))
        hides = secret and not equals and not hides and word.startswith("--")
    return found


def told_error(error: BaseException) -> str:
    """An error on one line, without what the environment holds of keys."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) >= 8:
            text = text.replace(value, HIDDEN)
    return _without_login(text)[:_LONGEST]


def _plain(path: str, value: Any) -> Value:
    """A value as boards show it: a text, a number or a flag."""
    if isinstance(value, bool | int | float):
        return value
    if value is None:
        return "none"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return HIDDEN if SECRET.search(path) else _without_login(text)


def _without_login(text: str) -> str:
    """Addresses without the name and password before their host."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)
