"""What is learned from: the turns of episodes that went well, read from records of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.errors import TrainingError
from agents.models.chat import ChatEncoder
from agents.rollouts.collect import retrace
from agents.rollouts.trajectory import Trajectory
from vt_env import ConfigError, DataError, EpisodeFactory
from vt_env.data import find_sample


@dataclass(frozen=True)
class Demonstration:
    """An episode to learn from.

    Attributes:
        sample_id: Which sample was played.
        turns: What was written, turn by turn.
        requested: Whether another image was delivered.
        line: Its line in the file, from 1.
    """

    sample_id: str
    turns: tuple[str, ...]
    requested: bool
    line: int


def read_demonstrations(path: Path) -> list[Demonstration]:
    """The episodes of a file that came to a right answer and kept the format.

    Args:
        path: A `judges.EpisodeRecord` a line, in JSON.

    Raises:
        DataError: If the file cannot be read, or a line is no record; names line and field.
        TrainingError: If none of the episodes went well.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), None, None, f"cannot be read: {error}") from error
    found = [
        _demonstration(str(path), number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    good = [one for one in found if one is not None]
    if not good:
        raise TrainingError(
            f"{path}: none of its {len(found)} episodes came to a right answer in the format, so "
            "there is nothing to learn from."
        )
    return good


def _demonstration(path: str, number: int, line: str) -> Demonstration | None:
    """The episode of a line; None if it did not go well."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DataError(path, number, None, f"is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise DataError(path, number, None, "is no JSON object")

    def taken(field: str, kind: type, of: Mapping[str, Any] = record, name: str = "") -> Any:
        value = of.get(field)
        if not isinstance(value, kind):
            told = f"must be a {kind.__name__}, got {repr(value)[:80]}"
            raise DataError(path, number, name or field, told)
        return value

    if record.get("correct") is None:  # nobody judged it, or the episode was cut short
        return None
    turns = taken("turns", list)
    for place, turn in enumerate(turns):
        if not isinstance(turn, dict):
            raise DataError(path, number, f"turns.{place}", "must be an object")
    one = Demonstration(
        sample_id=taken("sample_id", str),
        turns=tuple(
            taken("action", str, turn, f"turns.{n}.action") for n, turn in enumerate(turns)
        ),
        requested=taken("requested", bool),
        line=number,
    )
    return one if taken("correct", bool) and taken("well_formed", bool) and one.turns else None


class Retracer:
    """Makes trajectories of demonstrations, whose images come from the dataset again.

    Args:
        factory: Makes the episodes.
        encoder: The model's chat format.
        path: The file that the demonstrations are of, for errors.
    """

    def __init__(self, factory: EpisodeFactory, encoder: ChatEncoder, path: Path) -> None:
        self._factory, self._encoder, self._path = factory, encoder, path
        self._places: dict[str, int] = {}

    def __call__(self, some: list[Demonstration]) -> list[list[Trajectory]]:
        """Trajectories by sample, in the order of their first ones; they share its views.

        Raises:
            DataError: If there is no such sample; names line and field.
            TrainingError: If the turns do not end with an answer under these rules.
        """
        by_sample: dict[str, list[Demonstration]] = {}
        for one in some:
            by_sample.setdefault(one.sample_id, []).append(one)
        return [self._group(mine) for mine in by_sample.values()]

    def _group(self, mine: list[Demonstration]) -> list[Trajectory]:
        sample = self._factory.shared(self._place(mine[0]))
        return [retrace(self._encoder, self._factory.on(sample), one.turns) for one in mine]

    def _place(self, one: Demonstration) -> int:
        """Index of its sample."""
        if one.sample_id not in self._places:
            try:
                place = find_sample(self._factory.dataset, one.sample_id)
            except ConfigError as error:
                raise DataError(str(self._path), one.line, "sample_id", str(error)) from error
            self._places[one.sample_id] = place
        return self._places[one.sample_id]
