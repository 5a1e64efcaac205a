"""What a game leaves behind, as it goes."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.play import folder as module
from benchmarks.play.folder import GameFolder
from benchmarks.play.settings import GameSettings
from tests.benchmarks.play.games import ENOUGH, env_of
from vt_env import ConfigError
from vt_env.settings.tree import build_from_file


def test_settings_lie_in_the_folder(tmp_path: Path) -> None:
    made = GameFolder.create(tmp_path / "games", GameSettings(samples=3))
    assert build_from_file(GameSettings, made.path / "settings.json") == GameSettings(samples=3)


def test_a_second_game_of_the_same_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Stopped":
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(module, "datetime", Stopped)
    made = GameFolder.create(tmp_path, GameSettings())
    assert made.path.name == "20260102-030405"
    with pytest.raises(ConfigError, match="20260102-030405 exists already"):
        GameFolder.create(tmp_path, GameSettings())


def test_episodes_are_added_and_images_kept_whole(tmp_path: Path) -> None:
    made = GameFolder.create(tmp_path, GameSettings())
    image = Image.new("RGB", (3, 2), (1, 2, 3))
    assert made.keep_image(4, 1, image) == "000004-1.png"
    with Image.open(made.path / "000004-1.png") as kept:
        assert kept.convert("RGB").tobytes() == image.tobytes()
    episode = env_of().new_episode(ENOUGH)
    for number in range(2):
        made.keep_episode(episode.record(number))
        lines = made.episodes_file.read_text().splitlines()
        assert [json.loads(line)["episode"] for line in lines] == list(range(number + 1))
    made.keep_summary({"reward": 1.0})
    made.keep_summary({"reward": 2.0})
    assert json.loads((made.path / "summary.json").read_text()) == {"reward": 2.0}
    assert not list(made.path.glob(".draft*"))
