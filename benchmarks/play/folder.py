"""The folder of a game: every episode as soon as it is over, the images seen, the score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.play.settings import GameSettings
from benchmarks.safety.disk import append_lines, drafted, write_whole
from judges import EpisodeRecord
from vt_env import ConfigError
from vt_env.settings.tree import to_json


@dataclass(frozen=True)
class GameFolder:
    """Where a game is written.

    Attributes:
        path: The folder, which is there.
    """

    path: Path

    @classmethod
    def create(cls, root: Path, settings: GameSettings) -> GameFolder:
        """Makes a folder under `root`, named by the time, with the settings in it.

        Raises:
            ConfigError: If there is a game of this very second.
        """
        folder = cls(root / f"{datetime.now():%Y%m%d-%H%M%S}")
        try:
            folder.path.mkdir(parents=True)
        except FileExistsError as error:
            raise ConfigError(f"{folder.path} exists already; choose another --out.") from error
        folder._write("settings.json", to_json(settings) + "\n")
        return folder

    @property
    def episodes_file(self) -> Path:
        """A `judges.EpisodeRecord` a line."""
        return self.path / "episodes.jsonl"

    def keep_image(self, episode: int, turn: int, image: Image.Image) -> str:
        """Writes what is seen before a turn; returns the file's name, as the record has it."""
        name = f"{episode:06d}-{turn}.png"
        with drafted(self.path / name) as draft:
            image.save(draft, format="PNG")
        return name

    def keep_episode(self, record: EpisodeRecord) -> None:
        """Adds an episode that is over."""
        append_lines(self.episodes_file, [record.to_line()])

    def keep_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes the score."""
        self._write("summary.json", json.dumps(summary, indent=1) + "\n")

    def _write(self, name: str, text: str) -> None:
        write_whole(self.path / name, text)
