"""What an evaluation has played so far, kept as it goes, so that a killed one goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents import Trajectory, Way
from agents.engine import MODEL, told_model
from agents.policies.play import replay
from benchmarks.evaluation.candidates import Candidate
from benchmarks.safety.disk import append_lines, write_json, write_whole
from vt_env import ConfigError
from vt_env.settings.tree import flatten

OWN = "episodes"
"""What is kept of the agent as it was asked to play; baselines have names of their own."""
SETTINGS = "settings.json"
FREE = ("plugins",)
"""Settings that may differ when an evaluation goes on."""


class KeptEpisodes:
    """The folder of an evaluation.

    Args:
        folder: Where episodes are kept; None: nowhere.
        settings: All settings of the evaluation, resolved.
        names: Who plays; each has a folder of its own where there are several.

    Raises:
        ConfigError: If the folder is of an evaluation with other settings, or of something else;
            or if two who play have one name.
    """

    def __init__(self, folder: Path | None, settings: Any, names: Sequence[str]) -> None:
        self._folders: dict[str, Path] = {}
        if len(set(names)) < len(names):
            raise ConfigError(f"Each agent is named once; got {', '.join(names)}.")
        if folder is None:
            return
        for name in names:
            own = folder / slug(name) if len(names) > 1 else folder
            if own in self._folders.values():
                raise ConfigError(f"{name} and another agent would share the folder {own}.")
            self._folders[name] = own
        _check(folder, flatten(settings))
        for own in self._folders.values():
            own.mkdir(parents=True, exist_ok=True)

    def file(self, name: str, what: str = OWN) -> Path | None:
        """Where what one played is kept; None: nowhere."""
        folder = self._folders.get(name)
        return None if folder is None else folder / f"{what}.jsonl"

    def done(
        self, who: Candidate, way: Way | None, indices: Sequence[int], what: str = OWN
    ) -> list[Trajectory]:
        """What was played before, in order, of whole batches alone.

        What an interrupted write left of the last one is cut off the file.

        Raises:
            AgentError: If a record does not fit the settings.
            ConfigError: If a line is no record.
        """
        file = self.file(who.name, what)
        if file is None or not file.exists():
            return []
        lines = file.read_bytes().splitlines(keepends=True)
        whole = sum(line.endswith(b"\n") for line in lines)
        kept = len(indices) if whole >= len(indices) else whole - whole % who.batch
        if kept < len(lines):
            write_whole(file, b"".join(lines[:kept]))
        factory, found = who.factory(way), []
        for number, (line, index) in enumerate(zip(lines[:kept], indices, strict=False), start=1):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ConfigError(f"{file}, line {number}: no record ({error}).") from error
            found.append(replace(replay(factory.episode(index), record), index=index))
        return found

    def keep(self, name: str, episodes: Sequence[Trajectory], first: int, what: str = OWN) -> None:
        """Adds a batch to what is kept.

        Args:
            name: Who played.
            episodes: What came of it.
            first: Number of the first of them in the file, from 0.
            what: What it is kept as.
        """
        file = self.file(name, what)
        if file is None:
            return
        lines = [replace(t.record, episode=first + n).to_line() for n, t in enumerate(episodes)]
        append_lines(file, lines)


def slug(name: str) -> str:
    """A name as a folder is called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "agent"


def _check(folder: Path, settings: dict[str, Any]) -> None:
    """Writes the settings into a new folder, and compares them in one that is there."""
    file = folder / SETTINGS
    told = {name: value for name, value in settings.items() if name not in FREE}
    told[MODEL] = told_model(told[MODEL])  # a checkout may have moved
    if not file.exists():
        if folder.is_file() or (folder.is_dir() and any(folder.glob("*.jsonl"))):
            raise ConfigError(
                f"{folder} holds something that this evaluation did not write; name another --out."
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, told)
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        changed = [name for name in {**before, **told} if before.get(name) != told.get(name)]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{file}: not the settings of an evaluation ({error}).") from error
    if changed:
        raise ConfigError(
            f"{folder} holds an evaluation with other settings ({', '.join(sorted(changed))}): "
            "give those, or another --out."
        )
