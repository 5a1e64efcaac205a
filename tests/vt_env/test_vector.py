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

import vt_env
from judges import JudgeCase, RuleJudge, Verdict
from tests.vt_env.helpers import BAD_CALL, REQUEST, ListDataset, answer, memory_sample
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError, ImageError, UnknownNameError
from vt_env.images import FileImage
from vt_env.vector import VisionThinkVectorEnv

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


def test_make_vec_makes_ours_and_on_demand_the_stock_one() -> None:
    env = gymnasium.make_vec("VisionThink-v0", num_envs=2, split="test")
    assert isinstance(env, VisionThinkVectorEnv)
    assert env.spec is not None
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    assert env.action_space.sample() in env.action_space
    observation, *_ = env.step(env.action_space.sample())
    assert observation in env.observation_space
    env.close()
    sync = gymnasium.make_vec("VisionThink-v0", num_envs=2, vectorization_mode="sync")
    assert isinstance(sync, SyncVectorEnv)
    sync.close()


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
