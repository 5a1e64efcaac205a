"""`VisionThink-v0` as a Gymnasium citizen."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

import vt_env
from judges import JUDGES, JudgeCase, RuleJudge, Verdict
from tests.vt_env.helpers import (
    BAD_CALL,
    INFO_KEYS,
    REQUEST,
    SAMPLE,
    AbstainingJudge,
    ListDataset,
    answer,
    memory_sample,
    real_pictures,
)
from vt_env import VisionThinkEnv
from vt_env.errors import (
    ConfigError,
    ImageError,
    LadderWarning,
    UnknownNameError,
    UnknownSettingError,
)
from vt_env.images.views import FileImage
from vt_env.rewards import REWARD_PRESETS, Outcome, RewardConfig

SETTINGS: list[dict[str, Any]] = [
    {},
    {"rewards": "paper"},
    {"prompt": "agent", "split": "test", "seed": 4},
    {"token_family": "qwen3_vl", "min_pixels": 1024},
    {"tools": ("resize", "crop"), "max_turns": 4, "rewards": {"cost": "flops"}},
    {"token_family": "internvl", "canvas": 640, "max_turns": 3, "resolutions": (0.3, 1.0)},
    {"token_family": "llava_onevision", "canvas": 392, "tools": ("resize", "crop")},
    {"tools": ("crop",), "rewards": {"cost": "tokens", "price": 0.001}},
]
"""On the embedded world; every combination of tools and turns is in test_contract.py."""


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
class TestContract:
    """What holds for every setting."""

    def test_check_env(self, settings: dict[str, Any]) -> None:
        env = vt_env.make("VisionThink-v0", **settings)
        check_env(env.unwrapped)

    def test_two_envs_with_one_seed_give_the_same_episodes(self, settings: dict[str, Any]) -> None:
        first, second = vt_env.make(**settings), vt_env.make(**settings)
        first.action_space.seed(1)
        for episode in range(10):
            seed = 7 if episode == 0 else None
            assert data_equivalence(first.reset(seed=seed), second.reset(seed=seed), exact=True)
            done = False
            while not done:
                action = first.action_space.sample()
                one, two = first.step(action), second.step(action)
                assert data_equivalence(one, two, exact=True)
                done = bool(one[2])

    def test_everything_given_is_in_its_space(self, settings: dict[str, Any]) -> None:
        env = vt_env.make(**settings).unwrapped
        env.action_space.seed(2)
        for _ in range(30):
            observation, info = env.reset()
            assert observation in env.observation_space
            assert set(info) == INFO_KEYS
            returned, done = 0.0, False
            while not done:
                observation, reward, done, truncated, info = env.step(env.action_space.sample())
                assert observation in env.observation_space
                assert set(info) == INFO_KEYS
                assert float(reward) == pytest.approx(sum(info["reward_terms"].values()))
                assert truncated is False
                assert (info["ending"] is not None) == done == (info["outcome"] is not None)
                returned += float(reward)
            assert returned <= 1.5


def play(env: gymnasium.Env[Any, Any], *turns: str) -> tuple[float, dict[str, Any]]:
    returned, done = 0.0, False
    info: dict[str, Any] = {}
    for text in turns:
        assert not done
        _, reward, done, _, info = env.step(text)
        returned += float(reward)
    assert done
    return returned, info


def test_the_three_ways_to_make_it() -> None:
    for env in (
        gymnasium.make("vt_env:VisionThink-v0"),
        gymnasium.make("VisionThink-v0"),
        vt_env.make("VisionThink-v0"),
    ):
        assert isinstance(env.unwrapped, VisionThinkEnv)
    with pytest.raises(UnknownNameError, match="Did you mean 'VisionThink-v0'"):
        vt_env.make("VisonThink-v0")


IMPORT_CHECK = """
import sys, gymnasium
env = gymnasium.make("vt_env:VisionThink-v0")
env.reset(seed=0)
heavy = {"torch", "ray", "vllm", "transformers", "openai", "datasets", "pyarrow", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_fresh_interpreter_makes_it_without_anything_heavy() -> None:
    run = [sys.executable, "-W", "error", "-c", IMPORT_CHECK]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_return_of_known_courses() -> None:
    env = vt_env.make(data=ListDataset((memory_sample(168, 168),)))
    env.reset(seed=0)
    returned, info = play(env, answer("Eileen Collins"))
    assert returned == pytest.approx(1 + 0.5 - 0.1 * 9 / 36)
    assert info["verdict"].score == 1.0
    assert info["outcome"] == Outcome(True, False, True, True)
    env.reset()
    returned, info = play(env, REQUEST, answer("Eileen Collins"))
    assert returned == pytest.approx(1 + 0.5 - 0.1 * 45 / 36)
    assert (info["visual_tokens"], info["full_tokens"], info["requested"]) == (45, 36, True)


def test_the_world_plays_with_its_own_answers() -> None:
    env = VisionThinkEnv(split="test")
    for index in range(20):
        env.reset(options={"index": index})
        returned, info = play(env, answer(env.dataset[index].answers[0]))
        assert info["outcome"].correct
        cost = 0.1 * info["visual_tokens"] / info["full_tokens"]
        assert returned == pytest.approx(1.5 - cost)


def test_options_choose_the_sample() -> None:
    env = vt_env.make(split="test", seed=2)
    assert env.reset(options={"index": 5})[1]["sample_id"] == "test-2-5"
    assert env.reset(options={"index": np.int64(6)})[1]["index"] == 6
    assert env.reset(options={"sample_id": "test-2-9"})[1]["index"] == 9
    for options, message in (
        ({"index": -1}, "index must be"),
        ({"index": 10**9}, "index must be"),
        ({"index": "1"}, "index must be"),
        ({"sample_id": "nobody-0-3"}, "no sample 'nobody-0-3'"),
        ({"idx": 1}, "not 'idx'"),
        ({"index": 1, "sample_id": "test-2-1"}, "not both"),
    ):
        with pytest.raises(ConfigError, match=message):
            env.reset(options=options)


def test_the_same_seed_gives_the_same_samples_and_others_differ() -> None:
    env = vt_env.make()
    first = [env.reset(seed=5)[1]["index"], *(env.reset()[1]["index"] for _ in range(5))]
    again = [env.reset(seed=5)[1]["index"], *(env.reset()[1]["index"] for _ in range(5))]
    assert first == again
    assert len(set(first)) == 6


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_from_the_middle_of_an_episode(duplicate: Any) -> None:
    env = vt_env.make()
    env.reset(seed=4)
    env.step(REQUEST)
    other = duplicate(env)
    assert data_equivalence(env.step(answer("red")), other.step(answer("red")), exact=True)
    assert data_equivalence(env.reset(), other.reset(), exact=True)


def test_misuse_by_the_caller_is_an_error() -> None:
    env = VisionThinkEnv()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("x")
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match="int"):
        env.step(0)  # type: ignore[arg-type]
    env.step("nothing")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("x")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"data": "wrold"}, UnknownNameError, "Did you mean 'world'"),
        ({"judge": "rul"}, UnknownNameError, "Did you mean 'rule'"),
        ({"rewards": "priced "}, UnknownNameError, "Did you mean 'priced'"),
        ({"rewards": {"prize": 1}}, UnknownNameError, "Did you mean 'price'"),
        ({"prompt": "agnt"}, UnknownNameError, "Did you mean 'agent'"),
        ({"token_family": "qwen2vl"}, UnknownNameError, "Did you mean 'qwen2_vl'"),
        ({"render_mode": "opengl"}, UnknownNameError, "Unknown render mode 'opengl'"),
        ({"split": "tst"}, UnknownNameError, "Did you mean 'test'"),
        ({"resolutions": (0.5,)}, ConfigError, "resolutions"),
        ({"resolutions": "half"}, ConfigError, "resolutions"),
        ({"resolutions": 0.5}, ConfigError, "resolutions is a list, got 0.5"),
        ({"tools": "resize"}, ConfigError, "tools is a list, got 'resize'"),
        ({"rewards": 0.1}, ConfigError, "rewards is a name"),
        ({"prompt": 3}, ConfigError, "prompt is a name"),
        ({"max_turns": 0}, ConfigError, "max_turns"),
        ({"max_turns": 2.5}, ConfigError, "max_turns"),
        ({"min_pixels": 0}, ConfigError, "min_pixels"),
        ({"invalid_call": "stop"}, ConfigError, "invalid_call"),
        ({"max_action_chars": -1}, ConfigError, "max_action_chars"),
        ({"tools": ("resize", "zoom")}, UnknownNameError, "Unknown tool 'zoom'"),
        ({"colour": "red"}, ConfigError, "not 'colour'"),
        ({"untagged_answer": "judged"}, UnknownNameError, "Did you mean 'judge'"),
        ({"data": ListDataset((memory_sample(),)), "tool": ()}, ConfigError, "mean 'tools'"),
        ({"data": ListDataset(())}, ConfigError, "is empty"),
    ],
)
def test_bad_settings_have_typed_errors(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        VisionThinkEnv(**settings)


MAKERS: list[Callable[..., Any]] = [
    VisionThinkEnv,
    vt_env.make,
    lambda **settings: gymnasium.make("VisionThink-v0", **settings),
    lambda **settings: gymnasium.make("VisionThinkDiscrete-v0", **settings),
    lambda **settings: gymnasium.make_vec("VisionThink-v0", num_envs=2, **settings),
    lambda **settings: gymnasium.make_vec(
        "VisionThink-v0", num_envs=2, vectorization_mode="sync", **settings
    ),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("resolution", "Did you mean 'resolutions'?"),
        ("max_turn", "Did you mean 'max_turns'?"),
        ("reward", "Did you mean 'rewards'?"),
        ("max_pixel", "Did you mean 'max_pixels'?"),
        ("suit", "Did you mean 'suite'?"),
        ("familes", "Did you mean 'families'?"),
        ("price", "It is set in rewards: rewards={'price': …}."),
        ("formats", "It is set in rewards: rewards={'format': …}."),
    ],
)
def test_an_unknown_setting_suggests_one_of_env_and_data(
    make: Callable[..., Any], setting: str, hint: str
) -> None:
    with pytest.raises(UnknownSettingError) as caught:
        make(**{setting: 1})
    assert str(caught.value).endswith(f"not {setting!r}. {hint}")
    assert "VisionThinkEnv takes data, judge, rewards" in str(caught.value)
    assert "Dataset 'world' takes split, seed" in str(caught.value)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.setting) == (str(caught.value), setting)


def test_settings_of_the_other_faces_are_suggested_too() -> None:
    with pytest.raises(UnknownSettingError, match="Did you mean 'image_size'"):
        vt_env.make("VisionThinkDiscrete-v0", images_size=16)
    with pytest.raises(UnknownSettingError, match="Did you mean 'workers'"):
        gymnasium.make_vec("VisionThink-v0", num_envs=2, worker=1)


def test_answers_without_tags_follow_the_preset_or_the_setting() -> None:
    def rule(**settings: Any) -> str:
        return VisionThinkEnv(**settings).factory.config.untagged_answer

    assert rule() == rule(rewards="priced") == rule(rewards={"price": 0.0}) == "malformed"
    assert rule(rewards="paper") == rule(untagged_answer="judge") == "judge"
    assert rule(rewards="paper", untagged_answer="malformed") == "malformed"


def test_parts_of_ones_own() -> None:
    judge, rewards = AbstainingJudge(), RewardConfig(price=0.5)
    env = VisionThinkEnv(ListDataset((memory_sample(),)), judge=judge, rewards=rewards)
    assert env.judge is judge
    assert env.factory.rewards is rewards
    env.reset(seed=0)
    returned, info = play(env, answer("Eileen Collins"))
    assert returned == pytest.approx(0.5 - 0.5 * 9 / 36)
    assert (info["ending"], info["verdict"].abstained) == ("abstained", "timeout")
    assert info["outcome"].correct is None
    assert VisionThinkEnv(rewards={"price": 0.5}).factory.rewards == rewards
    assert VisionThinkEnv(rewards="paper").factory.rewards == REWARD_PRESETS["paper"]
    assert isinstance(VisionThinkEnv().judge, RuleJudge)


def test_new_episode_is_apart_from_the_envs_own() -> None:
    env = VisionThinkEnv()
    env.reset(seed=0)
    episode = env.new_episode(11)
    episode.step(REQUEST)
    assert episode.sample.sample_id == "train-0-11"
    assert env.episode is not episode
    assert env.episode is not None
    assert env.episode.turn == 0


def test_an_image_that_vanishes_is_an_error_by_name(tmp_path: Path) -> None:
    sample = SAMPLE.__class__("gone", "What?", ("x",), FileImage(tmp_path / "gone.png"))
    env = VisionThinkEnv(ListDataset((sample,)))
    with pytest.raises(ImageError, match=r"gone\.png: no such image file"):
        env.reset(seed=0)


TOO_SMALL_TO_HALVE = {"multipage.tif", "no_time_for_that_tiny.gif"}


@pytest.mark.parametrize("path", real_pictures(), ids=lambda path: path.name)
def test_real_pictures_play(path: Path) -> None:
    sample = SAMPLE.__class__("real", "What is it?", ("cat",), FileImage(path))
    small = path.name in TOO_SMALL_TO_HALVE
    with pytest.warns(LadderWarning) if small else nullcontext():
        env = VisionThinkEnv(ListDataset((sample,)), max_pixels=400 * 784)
    low, _ = env.reset(seed=0)
    high, _, _, _, info = env.step(REQUEST)
    assert low in env.observation_space
    assert high in env.observation_space
    if small:
        assert info["problems"] == ("no_higher_resolution",)
        assert np.array_equal(high["image"], low["image"])
    else:
        assert info["requested"]
        assert info["visual_tokens"] > info["full_tokens"]
    assert info["full_tokens"] == high["image"].shape[0] * high["image"].shape[1] // 784
    assert play(env, answer("a cat"))[1]["ending"] == "answered"


def test_gymnasiums_own_wrappers_work_unchanged() -> None:
    env: gymnasium.Env[Any, Any] = TimeLimit(
        RecordEpisodeStatistics(VisionThinkEnv(max_turns=5)), max_episode_steps=2
    )
    env.reset(seed=0)
    env.step(BAD_CALL)
    _, _, terminated, truncated, _ = env.step(BAD_CALL)
    assert (terminated, truncated) == (False, True)
    env.reset()
    *_, info = env.step(answer("red"))
    assert info["episode"]["l"] == 1


class _Closable:
    """A judge that notes whether it was closed."""

    name = "closable"
    closed = False

    def judge(self, cases: list[JudgeCase]) -> list[Verdict]:
        return [Verdict(1.0, judge=self.name) for _ in cases]

    def close(self) -> None:
        self.closed = True


def test_closing_closes_the_judge_that_the_env_made_and_no_other() -> None:
    given, made = _Closable(), _Closable()
    vt_env.make(judge=given).close()
    assert not given.closed
    JUDGES.register("closable-for-this-test", lambda: made)
    try:
        vt_env.make(judge="closable-for-this-test").close()
    finally:
        JUDGES.remove("closable-for-this-test")
    assert made.closed
