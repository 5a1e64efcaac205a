"""Wrappers: images of one size, episodes on disk."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo, RenderCollection, TimeLimit
from PIL import Image

from tests.vt_env.helpers import (
    BAD_CALL,
    REQUEST,
    AbstainingJudge,
    ListDataset,
    answer,
    memory_sample,
)
from vt_env.discrete import VisionThinkDiscreteEnv
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError
from vt_env.wrappers import FixedSizeImage, RecordTrajectories


def test_fixed_size_images_can_be_stacked() -> None:
    sizes = ((168, 168), (600, 100), (28, 500))
    data = ListDataset(tuple(memory_sample(*size, sample_id=str(size)) for size in sizes))
    env = FixedSizeImage(VisionThinkEnv(data), (64, 48))
    for index in range(3):
        observation, info = env.reset(options={"index": index})
        assert observation["image"].shape == (48, 64, 3)
        assert observation in env.observation_space
        observation, *_, after = env.step(REQUEST)
        assert observation["image"].shape == (48, 64, 3)
        assert after["visual_tokens"] > info["visual_tokens"]
    vector: SyncVectorEnv = SyncVectorEnv([lambda: FixedSizeImage(VisionThinkEnv(data))] * 3)
    batch: Any = vector.reset(seed=0)[0]
    assert batch["image"].shape == (3, 224, 224, 3)
    vector.close()
    with pytest.raises(ConfigError, match="at least 1x1"):
        FixedSizeImage(VisionThinkEnv(data), (0, 5))


def read(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_episodes_are_written_with_what_was_seen_and_said(tmp_path: Path) -> None:
    env = RecordTrajectories(VisionThinkEnv(split="test"), tmp_path)
    first, info = env.reset(seed=0)
    second = env.step(REQUEST)[0]
    assert not (tmp_path / "episodes.jsonl").exists()
    env.step(answer("\ud800 red"))
    (record,) = read(tmp_path)
    assert record["sample_id"] == info["sample_id"]
    assert (record["ending"], record["episode"]) == ("answered", 0)
    assert str(record["question"]) in first["question"]
    turns = record["turns"]
    assert isinstance(turns, list)
    assert [turn["action"] for turn in turns] == [REQUEST, answer("\ud800 red")]
    assert turns[1]["feedback"] == second["feedback"]
    for turn, seen in zip(turns, (first, second), strict=True):
        with Image.open(tmp_path / str(turn["image"])) as image:
            assert np.array_equal(np.asarray(image), seen["image"])


def test_numbering_goes_on_and_unfinished_episodes_are_left_out(tmp_path: Path) -> None:
    for _ in range(2):
        env = RecordTrajectories(
            VisionThinkEnv(judge=AbstainingJudge(), max_turns=3), tmp_path / "deep" / "er"
        )
        env.reset(seed=1)
        env.step(BAD_CALL)
        env.reset()
        env.step(BAD_CALL)
        env.step(answer("red"))
    records = read(tmp_path / "deep" / "er")
    assert [record["episode"] for record in records] == [0, 1]
    assert [record["abstained"] for record in records] == ["timeout", "timeout"]
    assert [record["score"] for record in records] == [None, None]
    assert [record["problems"] for record in records] == [["bad_json"]] * 2


def test_it_wraps_wrapped_envs_but_no_strangers(tmp_path: Path) -> None:
    env = RecordTrajectories(RecordEpisodeStatistics(VisionThinkEnv()), tmp_path)
    env.reset(seed=0)
    *_, info = env.step("nonsense")
    assert info["episode"]["l"] == 1
    assert read(tmp_path)[0]["ending"] == "malformed"
    with pytest.raises(ConfigError, match="not a VisionThinkEnv"):
        RecordTrajectories(VisionThinkDiscreteEnv(answers=("a",)), tmp_path)  # type: ignore[arg-type]


def test_frames_are_collected_by_gymnasiums_own_wrapper() -> None:
    env = RenderCollection(VisionThinkEnv(render_mode="rgb_array"))
    env.reset(seed=0)
    env.step(REQUEST)
    env.step(answer("red"))
    frames: Any = env.render()
    assert [frame.shape for frame in frames] == [(600, 960, 3)] * 3
    assert not np.array_equal(frames[0], frames[1])


def test_videos_are_recorded_by_gymnasiums_own_wrapper(tmp_path: Path) -> None:
    pytest.importorskip("moviepy", reason="Gymnasium's RecordVideo needs it")
    folder = tmp_path / "videos"
    env = RecordVideo(VisionThinkEnv(render_mode="rgb_array"), str(folder))
    env.reset(seed=0)
    env.step(answer("red"))
    env.close()
    assert [path.suffix for path in folder.iterdir()] == [".mp4"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_wrapped_envs_are_copied_in_the_middle_of_an_episode(
    duplicate: Any, tmp_path: Path
) -> None:
    envs: list[gymnasium.Env[Any, Any]] = [
        TimeLimit(RecordEpisodeStatistics(VisionThinkEnv(max_turns=4)), max_episode_steps=3),
        FixedSizeImage(VisionThinkEnv(max_turns=4)),
        RecordTrajectories(VisionThinkEnv(max_turns=4), tmp_path),
    ]
    for env in envs:
        env.reset(seed=1)
        env.step(REQUEST)
        other = duplicate(env)
        one, two = env.step(BAD_CALL), other.step(BAD_CALL)
        assert data_equivalence(one[0], two[0], exact=True)
        assert one[1:4] == two[1:4]
        assert data_equivalence(env.reset()[0], other.reset()[0], exact=True)
