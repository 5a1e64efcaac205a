"""`RecordTrajectories`: episodes written to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
from PIL import Image

from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError

TextEnv = gymnasium.Env[dict[str, Any], str]


class RecordTrajectories(
    gymnasium.Wrapper[dict[str, Any], str, dict[str, Any], str],
    gymnasium.utils.RecordConstructorArgs,
):
    """Writes every finished episode to a folder: a line in ``episodes.jsonl``, images as PNG.

    A line is a `judges.EpisodeRecord`, as ``visionthink eval`` writes it too; the images named in
    its turns are what was seen before acting. Numbering goes on when the folder has episodes
    already.

    Args:
        env: A `VisionThinkEnv`, wrapped or not.
        folder: Where to write; created when missing.
    """

    def __init__(self, env: TextEnv, folder: str | Path) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, folder=folder)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.unwrapped, VisionThinkEnv):
            raise ConfigError(f"{type(env.unwrapped).__name__} is not a VisionThinkEnv.")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._images: list[str] = []
        self._seen: dict[str, Any] = {}
        self._count = self._written()

    @property
    def path(self) -> Path:
        """The file that the lines go to."""
        return self.folder / "episodes.jsonl"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode; one that was not finished is not written."""
        self._seen, info = self.env.reset(seed=seed, options=options)
        self._images = []
        return self._seen, info

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Takes a turn, and writes the episode when it was the last one."""
        before = self._seen
        self._seen, reward, terminated, truncated, info = self.env.step(action)
        name = f"{self._count:06d}-{len(self._images)}.png"
        Image.fromarray(before["image"]).save(self.folder / name)
        self._images.append(name)
        if terminated or truncated:
            self._write()
        return self._seen, float(reward), terminated, truncated, info

    def _write(self) -> None:
        inner = self.env.unwrapped
        assert isinstance(inner, VisionThinkEnv)
        assert inner.episode is not None
        with self.path.open("a", encoding="utf-8") as file:
            file.write(inner.episode.record(self._count, self._images).to_line())
        self._count += 1

    def _written(self) -> int:
        if not self.path.is_file():
            return 0
        with self.path.open("rb") as file:
            return sum(1 for _ in file)
