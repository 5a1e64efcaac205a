"""Vectorised stepping: the same episodes as Gymnasium's own, judged in one batch."""

import copy
import pickle
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

import vt_env
from judges import JudgeCase, RuleJudge, Verdict
from tests.vt_env.helpers import BAD_CALL, REQUEST, ListDataset, answer, memory_sample
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError, ImageError, UnknownNameError
from vt_env.images.views import FileImage
from vt_env.vector import VisionThinkVectorEnv
from vt_env.wrappers import FixedSizeImage

MIXED = (REQUEST, answer("red"), BAD_CALL, "nonsense", answer("horizontal"))


def course(env: VectorEnv[Any, Any, Any], steps: int = 12) -> list[Any]:
    """Plays a fixed course of mixed actions; everything that came back."""
    history: list[Any] = [env.reset(seed=[5, 9, 2])]  # type: ignore[arg-type]
    for step in range(steps):
        actions = tuple(MIXED[(step * 2 + lane * 3) % len(MIXED)] for lane in range(3))
        history.append(env.step(actions))
    history.append(env.reset(options={"index": 4}))
    return history


def stock(mode: AutoresetMode) -> list[VectorEnv[Any, Any, Any]]:
    make = partial(VisionThinkEnv, split="test", max_turns=3)
    return [
        SyncVectorEnv([make] * 3, autoreset_mode=mode),
        AsyncVectorEnv([make] * 3, shared_memory=False, autoreset_mode=mode),
    ]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_ours_and_both_stock_vector_envs_give_the_same_episodes(mode: AutoresetMode) -> None:
    settings: dict[str, Any] = {"split": "test", "max_turns": 3, "autoreset_mode": mode}
    ours = VisionThinkVectorEnv(3, workers=3, **settings)
    one_thread = VisionThinkVectorEnv(3, workers=1, **settings)
    expected = course(ours)
    assert data_equivalence(course(one_thread), expected, exact=True)
    assert sum(int(step[2].sum()) for step in expected[1:-1]) >= 6  # episodes ended on the way
    for env in stock(mode):
        assert data_equivalence(course(env), expected, exact=True)
        env.close()


def test_make_vec_makes_ours_and_on_demand_the_stock_ones() -> None:
    """The three kinds, made as people make them, give the same episodes for the same seeds."""
    settings: dict[str, Any] = {"num_envs": 3, "split": "test", "max_turns": 3}
    ours = gymnasium.make_vec("VisionThink-v0", **settings)
    assert isinstance(ours, VisionThinkVectorEnv)
    assert ours.spec is not None
    expected = course(ours)
    assert expected[-1][0] in ours.observation_space
    assert ours.action_space.sample() in ours.action_space
    ours.close()
    sync = gymnasium.make_vec("VisionThink-v0", vectorization_mode="sync", **settings)
    private = {"shared_memory": False}
    asynchronous = gymnasium.make_vec(
        "VisionThink-v0", vectorization_mode="async", vector_kwargs=private, **settings
    )
    for env, kind in ((sync, SyncVectorEnv), (asynchronous, AsyncVectorEnv)):
        assert isinstance(env, kind)
        assert data_equivalence(course(env), expected, exact=True)
        env.close()


def test_shared_memory_is_refused_with_what_to_do() -> None:
    """Gymnasium's shared memory has a fixed size; images and texts here have none."""
    # Images of one size do not help: the texts stay.
    for make in (VisionThinkEnv, lambda: FixedSizeImage(VisionThinkEnv())):
        with pytest.raises(ValueError, match="shared_memory=False"):
            AsyncVectorEnv([make] * 2)
    with pytest.raises(ValueError, match="shared_memory=False"):
        gymnasium.make_vec("VisionThink-v0", num_envs=2, vectorization_mode="async")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_discrete_env_runs_in_stock_vectors_with_their_defaults(mode: str) -> None:
    settings: dict[str, Any] = {"answers": ("A", "B"), "image_size": 28}
    env = gymnasium.make_vec(
        vt_env.DISCRETE_ENV_ID, num_envs=2, vectorization_mode=mode, **settings
    )
    single = vt_env.make(vt_env.DISCRETE_ENV_ID, **settings)
    observation, _ = env.reset(seed=[3, 4])  # type: ignore[arg-type]
    alone, _ = single.reset(seed=3)
    for action in (0, 1):
        for key, value in alone.items():
            assert np.array_equal(observation[key][0], value)
        observation, rewards, *_ = env.step(np.array([action, action]))
        alone, reward, *_ = single.step(action)
        assert rewards[0] == reward
    env.close()


def test_gymnasiums_own_vector_wrappers_work_unchanged() -> None:
    env = RecordEpisodeStatistics(VisionThinkVectorEnv(2, max_turns=3))
    env.reset(seed=0)
    env.step([REQUEST, answer("red")])
    _, _, terminated, _, infos = env.step([answer("red"), answer("red")])
    assert terminated.tolist() == [True, False]  # the second one began anew
    assert infos["episode"]["l"][0] == 2
    assert infos["_episode"].tolist() == [True, False]
    listed = DictInfoToList(VisionThinkVectorEnv(2))
    _, first = listed.reset(seed=0)
    single = VisionThinkEnv().reset(seed=0)[1]
    assert first[0] == single
    env.close()
    listed.close()


class CountingJudge(RuleJudge):
    """The rule judge, with the sizes of its batches written down."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        self.batches.append(len(cases))
        return super().judge(cases)


def test_the_answers_of_a_step_are_one_batch() -> None:
    judge = CountingJudge()
    env = VisionThinkVectorEnv(5, judge=judge)
    env.reset(seed=0)
    env.step([answer("a"), REQUEST, answer("b"), "?", answer("c")])
    env.step([answer("a")] * 5)  # four of the five begin anew and ignore theirs
    assert judge.batches == [3, 1]
    env.step([REQUEST] * 5)
    assert judge.batches == [3, 1]


def test_disabled_autoreset_resets_by_mask() -> None:
    env = VisionThinkVectorEnv(2, autoreset_mode="Disabled")
    env.reset(seed=0)
    before = env.step([answer("x"), REQUEST])[0]
    with pytest.raises(gymnasium.error.ResetNeeded, match="Episode 0 is over"):
        env.step([REQUEST, answer("x")])
    after, infos = env.reset(options={"reset_mask": np.array([True, False])})
    assert (after["turn"].tolist(), before["turn"].tolist()) == ([0, 1], [1, 1])
    assert infos["_sample_id"].tolist() == [True, False]
    assert env.step([REQUEST, answer("x")])[2].tolist() == [False, True]


def test_misuse_is_an_error() -> None:
    env = VisionThinkVectorEnv(2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(["a", "b"])
    env.reset()
    for actions in ("ab", ["a"], ["a", 1]):
        with pytest.raises(gymnasium.error.InvalidAction):
            env.step(actions)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="2 seeds"):
        env.reset(seed=[1])
    with pytest.raises(ConfigError, match="reset_mask"):
        env.reset(options={"reset_mask": [True]})
    with pytest.raises(ConfigError, match="not 'sample'"):
        env.reset(options={"sample": 1})
    with pytest.raises(ConfigError, match="num_envs"):
        VisionThinkVectorEnv(0)
    with pytest.raises(ConfigError, match="workers"):
        VisionThinkVectorEnv(2, workers=0)
    with pytest.raises(UnknownNameError, match="autoreset mode"):
        VisionThinkVectorEnv(2, autoreset_mode="Later")


def test_two_vector_envs_with_one_seed_agree_and_lanes_differ() -> None:
    first, second = (gymnasium.make_vec(vt_env.ENV_ID, num_envs=3) for _ in range(2))
    one, two = first.reset(seed=3), second.reset(seed=3)
    assert data_equivalence(one, two, exact=True)
    assert len(set(one[1]["index"].tolist())) == 3


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_from_the_middle(duplicate: Any) -> None:
    env = VisionThinkVectorEnv(2, workers=2)
    env.reset(seed=0)
    env.step([REQUEST, answer("red")])
    other = duplicate(env)
    for actions in ([answer("red"), REQUEST], [REQUEST, REQUEST]):
        assert data_equivalence(env.step(actions), other.step(actions), exact=True)
    env.close()
    other.close()


def test_an_unreadable_image_in_a_thread_is_an_error_by_name(tmp_path: Path) -> None:
    lost = replace(memory_sample(), image=FileImage(tmp_path / "lost.png"))
    env = VisionThinkVectorEnv(2, data=ListDataset((lost,)), workers=2)
    with pytest.raises(ImageError, match=r"lost\.png: no such image file"):
        env.reset(seed=0)
    env.close()
