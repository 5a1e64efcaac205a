"""What holds for every registered id and every combination of tools, ladder, turns and rules.

The checks are those of Gymnasium and of dm_env's conformance suite: episodes that begin, go on and
end as they say, members of the spaces, no surprise after an end, nothing shared with the caller,
and one seed, one course.
"""

import copy
import itertools
import math
import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import vt_env
from tests.vt_env.helpers import (
    BAD_CALL,
    CALL,
    INFO_KEYS,
    REQUEST,
    ListDataset,
    answer,
    memory_sample,
)
from vt_env import VisionThinkEnv
from vt_env.episode import Ending
from vt_env.protocol import Crop, Request, to_text
from vt_env.rewards import Outcome
from vt_env.vector import VisionThinkVectorEnv

TOOLS = ((), ("resize",), ("crop",), ("resize", "crop"))
LADDERS = ((1.0,), (0.5, 1.0), (0.25, 0.5, 1.0), (0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0))
TURNS = (1, 2, 7)
RULES = ("feedback", "end")
COMBINATIONS: list[dict[str, Any]] = [
    {"tools": tools, "resolutions": ladder, "max_turns": turns, "invalid_call": rule}
    for tools, ladder, turns, rule in itertools.product(TOOLS, LADDERS, TURNS, RULES)
]
SIZES = ((168, 168), (400, 90), (30, 30), (224, 300))  # 30 x 30 is too small to halve
DATA = ListDataset(tuple(memory_sample(*size, sample_id=f"{size}") for size in SIZES))
DISCRETE = {"data": DATA, "answers": ("nobody", "Eileen Collins"), "image_size": 16}
ACTIONS = (
    REQUEST,
    to_text(Request(0.3)),
    to_text(Request(1.0)),
    to_text(Crop((0, 0, 30, 30))),
    to_text(Crop((5.5, 3, 20.25, 900))),
    to_text(Crop((900, 900, 990, 990))),
    CALL,
    BAD_CALL,
    answer("Eileen Collins"),
    answer("nobody"),
    "<answer>Eileen Collins</answer>",
    "nonsense",
    "",
)


def name_of(settings: dict[str, Any]) -> str:
    return "-".join(str(value).replace(" ", "") for value in settings.values())


@pytest.fixture(params=COMBINATIONS, ids=name_of)
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    combination: dict[str, Any] = request.param
    return combination


def courses(seed: int, count: int) -> Iterator[str]:
    """Actions that lead everywhere: calls that can be carried out come up most often."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        pool = ACTIONS[:5] if rng.random() < 0.5 else ACTIONS
        yield pool[int(rng.integers(len(pool)))]


def check_reset(env: gymnasium.Env[Any, Any], observation: Any, info: dict[str, Any]) -> None:
    assert observation in env.observation_space
    assert set(info) == INFO_KEYS
    assert info["reward_terms"] == {}
    assert info["problems"] == ()
    assert (info["ending"], info["answer"], info["verdict"], info["outcome"]) == (None,) * 4
    assert info["well_formed"] is True
    assert info["requested"] is False


def check_step(env: gymnasium.Env[Any, Any], step: tuple[Any, ...]) -> None:
    observation, reward, terminated, truncated, info = step
    assert observation in env.observation_space
    assert set(info) == INFO_KEYS
    assert type(reward) is float
    assert math.isfinite(reward)
    assert reward == pytest.approx(sum(info["reward_terms"].values()))
    assert type(terminated) is bool
    assert truncated is False
    assert terminated == (info["ending"] is not None) == isinstance(info["outcome"], Outcome)
    assert info["ending"] is None or Ending(info["ending"])
    assert info["well_formed"] == (not info["problems"])
    assert (info["verdict"] is not None) <= (info["answer"] is not None)


def check_end(env: VisionThinkEnv, returned: float, info: dict[str, Any]) -> None:
    """The formula of the specification, and no step after the end."""
    score = info["verdict"].score if info["verdict"] else 0.0
    cost = 0.1 * info["visual_tokens"] / info["full_tokens"]
    assert returned == pytest.approx(score + 0.5 * info["well_formed"] - cost)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(REQUEST)


def test_gymnasiums_checker(settings: dict[str, Any]) -> None:
    check_env(vt_env.make(vt_env.ENV_ID, data=DATA, **settings).unwrapped)


def test_episodes_keep_what_the_specification_says(settings: dict[str, Any]) -> None:
    env = VisionThinkEnv(DATA, **settings)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(REQUEST)
    actions = courses(seed=1, count=150)
    endings = set()
    for episode in range(12):
        observation, info = env.reset(seed=3 if episode == 0 else None)
        check_reset(env, observation, info)
        returned, turns = 0.0, 0
        tokens = first = info["visual_tokens"]
        while info["ending"] is None:
            step = env.step(next(actions))
            check_step(env, step)
            observation, reward, _, _, info = step
            returned, turns = returned + reward, turns + 1
            assert observation["turn"] == turns <= settings["max_turns"]
            assert observation["visual_tokens"] == info["visual_tokens"] >= tokens
            assert info["requested"] == (info["visual_tokens"] > first)
            assert not (info["requested"] and not settings["tools"])
            tokens = info["visual_tokens"]
        check_end(env, returned, info)
        endings.add(info["ending"])
    assert len(endings) >= 2


def test_nothing_given_is_shared_with_the_env(settings: dict[str, Any]) -> None:
    """Whoever scribbles over what it was given changes nothing of what comes."""
    clean, scribbled = (VisionThinkEnv(DATA, **settings) for _ in range(2))
    for episode in range(4):
        seed = 5 if episode == 0 else None
        expected, given = clean.reset(seed=seed), scribbled.reset(seed=seed)
        for action in courses(seed=episode, count=20):
            assert data_equivalence(expected, given, exact=True)
            if expected[-1]["ending"] is not None:
                break
            scribble(given)
            expected, given = clean.step(action), scribbled.step(action)


def scribble(given: tuple[Any, ...]) -> None:
    observation, info = given[0], given[-1]
    observation["image"][:] = 7
    observation.clear()
    info["reward_terms"]["accuracy"] = 99.0
    info.clear()


def test_copies_go_on_alike_from_every_turn(settings: dict[str, Any]) -> None:
    env = VisionThinkEnv(DATA, **settings)
    env.reset(seed=9)
    for number, action in enumerate(courses(seed=2, count=8)):
        duplicate = copy.deepcopy if number % 2 else lambda one: pickle.loads(pickle.dumps(one))
        other = duplicate(env)
        assert env.episode is not None
        if env.episode.done:
            assert data_equivalence(env.reset(), other.reset(), exact=True)
        assert data_equivalence(env.step(action), other.step(action), exact=True)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_ours_is_the_stock_vector_env_of_the_same_envs(
    settings: dict[str, Any], mode: AutoresetMode
) -> None:
    ours = VisionThinkVectorEnv(3, workers=1, data=DATA, autoreset_mode=mode, **settings)
    make = [lambda: VisionThinkEnv(DATA, **settings)] * 3
    stock: SyncVectorEnv[Any, Any, Any] = SyncVectorEnv(make, autoreset_mode=mode)
    assert data_equivalence(ours.reset(seed=4), stock.reset(seed=4), exact=True)
    actions = courses(seed=6, count=3 * 15)
    for _ in range(15):
        batch = tuple(itertools.islice(actions, 3))
        one, two = ours.step(batch), stock.step(batch)
        assert one[0] in ours.observation_space
        assert data_equivalence(one, two, exact=True)


def test_the_discrete_env(settings: dict[str, Any]) -> None:
    env = vt_env.make(vt_env.DISCRETE_ENV_ID, **DISCRETE, **settings)
    check_env(env.unwrapped)
    other = copy.deepcopy(env)
    env.action_space.seed(8)
    for episode in range(8):
        seed = 2 if episode == 0 else None
        given = env.reset(seed=seed)
        check_reset(env, *given)
        assert data_equivalence(given, other.reset(seed=seed), exact=True)
        while given[-1]["ending"] is None:
            action = env.action_space.sample()
            given = env.step(action)
            check_step(env, given)
            assert data_equivalence(given, other.step(action), exact=True)
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(1)


def test_the_discrete_env_in_stock_vectors(settings: dict[str, Any]) -> None:
    vector = gymnasium.make_vec(vt_env.DISCRETE_ENV_ID, num_envs=2, **DISCRETE, **settings)
    assert isinstance(vector, SyncVectorEnv)
    vector.action_space.seed(1)
    observation, _ = vector.reset(seed=0)
    for _ in range(6):
        assert observation in vector.observation_space
        observation, *_ = vector.step(vector.action_space.sample())
    vector.close()
