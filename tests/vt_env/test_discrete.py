"""`VisionThinkDiscrete-v0`: fixed shapes and finite answers."""

import copy
import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import FlattenObservation
from hypothesis import given
from hypothesis import strategies as st

import vt_env
from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.discrete import VisionThinkDiscreteEnv, all_answers, question_features
from vt_env.errors import ConfigError

SETTINGS: list[dict[str, Any]] = [
    {},
    {"split": "test", "image_size": 56, "answers": ("A", "B")},
    {"answers": ("A", "B", "C"), "max_turns": 3, "resolutions": (0.5, 0.75, 1.0)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_check_env_and_determinism(settings: dict[str, Any]) -> None:
    env = vt_env.make("VisionThinkDiscrete-v0", **settings)
    check_env(env.unwrapped)
    other = vt_env.make("VisionThinkDiscrete-v0", **settings)
    env.action_space.seed(0)
    assert data_equivalence(env.reset(seed=1), other.reset(seed=1), exact=True)
    for _ in range(30):
        action = env.action_space.sample()
        one, two = env.step(action), other.step(action)
        assert data_equivalence(one, two, exact=True)
        assert one[0] in env.observation_space
        if one[2]:
            assert data_equivalence(env.reset(), other.reset(), exact=True)


def test_asking_and_answering_earn_what_text_would() -> None:
    data = ListDataset((memory_sample(112, 112),))
    env = VisionThinkDiscreteEnv(data=data, answers=("nobody", "Eileen Collins"))
    first, _ = env.reset(seed=0)
    second, cost, done, _, info = env.step(0)
    assert not done
    assert cost == pytest.approx(-0.1 * 20 / 16)
    assert first["state"].tolist() == [0.0, 0.0]
    assert second["state"].tolist() == [0.5, 1.0]
    assert not np.array_equal(first["image"], second["image"])
    _, reward, done, _, info = env.step(np.int64(2))
    assert (reward, done, info["ending"]) == (1.5, True, "answered")
    assert info["well_formed"]
    env.reset()
    assert env.step(1)[1] == pytest.approx(0.5 - 0.1 * 4 / 16)
    env.reset()
    env.step(0)
    assert env.step(0)[4]["ending"] == "turn_limit"


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_from_the_middle_of_an_episode(duplicate: Any) -> None:
    env = vt_env.make("VisionThinkDiscrete-v0", answers=("A", "B"), max_turns=3)
    env.reset(seed=4)
    env.step(0)
    other = duplicate(env)
    assert data_equivalence(env.step(1), other.step(1), exact=True)
    assert data_equivalence(env.reset(), other.reset(), exact=True)


def test_answers_come_from_the_dataset() -> None:
    accepted = (("red", "crimson"), ("blue",), ("red",), ("green",))
    data = ListDataset(tuple(memory_sample(answers=answers) for answers in accepted))
    env = VisionThinkDiscreteEnv(data=data)
    assert env.answers == ("blue", "green", "red")
    assert env.action_space == gymnasium.spaces.Discrete(4)
    assert all_answers(data, samples=1) == ("red",)


def test_flattened_it_is_a_plain_vector() -> None:
    env: gymnasium.Env[Any, Any] = FlattenObservation(
        VisionThinkDiscreteEnv(image_size=28, answers=("A", "B"))
    )
    observation, _ = env.reset(seed=0)
    assert observation.shape == (28 * 28 * 3 + 64 + 2,)
    assert observation.dtype == np.float32


def test_pixels_are_bytes_as_cnns_take_them() -> None:
    env = VisionThinkDiscreteEnv(image_size=36, answers=("A", "B"))
    image = env.reset(seed=0)[0]["image"]
    assert (image.dtype, image.shape) == (np.uint8, (36, 36, 3))
    assert image.max() > 1 and image.flags.writeable
    assert env.observation_space["image"] == gymnasium.spaces.Box(0, 255, (36, 36, 3), np.uint8)


def test_stable_baselines_gives_it_to_its_cnn() -> None:
    """No warning of its checker, and no MLP over pixels."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env as check
    from stable_baselines3.common.torch_layers import NatureCNN

    env = VisionThinkDiscreteEnv(image_size=56, families=("objects", "textures"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(env)
    model = PPO("MultiInputPolicy", env, n_steps=16, batch_size=16, seed=0)
    extractors = model.policy.features_extractor.extractors  # type: ignore[attr-defined]
    assert isinstance(extractors["image"], NatureCNN)
    assert sum(p.numel() for p in model.policy.parameters()) < 1_500_000


def test_misuse_is_an_error() -> None:
    env = VisionThinkDiscreteEnv(answers=("a",))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (2, -1, "0", 0.5):
        with pytest.raises(gymnasium.error.InvalidAction, match=r"in \[0, 1\]"):
            env.step(action)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="answers"):
        VisionThinkDiscreteEnv(answers=())
    with pytest.raises(ConfigError, match="answers"):
        VisionThinkDiscreteEnv(answers=("a", " "))
    with pytest.raises(ConfigError, match="image_size"):
        VisionThinkDiscreteEnv(image_size=0)


@given(st.text(max_size=80))
def test_question_features_are_bounded_and_stable(question: str) -> None:
    features = question_features(question)
    assert features.shape == (64,)
    assert features.dtype == np.float32
    assert np.linalg.norm(features) == pytest.approx(1.0, abs=1e-5) or not features.any()
    assert np.array_equal(features, question_features(question))


def test_different_questions_have_different_features() -> None:
    questions = ("What color is the circle?", "What color is the square?", "What shape is red?")
    vectors = {question_features(question).tobytes() for question in questions}
    assert len(vectors) == 3


@pytest.mark.parametrize(
    ("tools", "requested"), [(("resize",), True), (("crop",), True), ((), False)]
)
def test_a_request_calls_a_tool_in_force(tools: tuple[str, ...], requested: bool) -> None:
    data = ListDataset((memory_sample(224, 224),))
    env = VisionThinkDiscreteEnv(data=data, answers=("x",), tools=tools)
    env.reset(seed=0)
    *_, info = env.step(0)
    assert info["requested"] is requested
    assert info["well_formed"] is requested
