"""The environment in GEM's form, without GEM; with it: tests/homes/test_gem.py."""

import sys

import pytest

from tests.homes.plays import our_env, our_episode, turns_of
from vt_env import UnknownSettingError
from vt_env.adapters.gem import GEM_ID, GemEnv, register_gem


def test_it_plays_as_the_environment_does() -> None:
    env, ours = GemEnv(split="test"), our_env(split="test")
    for index in range(14):
        text, info = env.reset(options={"index": index})
        want = our_episode(ours, index)
        told, shown, rewards, dones = [text], list(info["images"]), [], []
        for turn in turns_of(ours, index):
            text, reward, terminated, truncated, info = env.step(turn)
            told.append(text)
            shown += info["images"]
            rewards.append(reward)
            dones.append(terminated)
            assert not truncated
        assert rewards == want["rewards"]
        assert dones == want["dones"]
        assert [image.tobytes() for image in shown] == want["images"]
        assert info["ending"] == want["ending"]
        assert told[-1] == ""
        assert "".join(told).count("<image>") == len(shown)
        assert ours.dataset[index].question in told[0]


def test_seeds_draw_samples_and_the_dataset_has_its_own() -> None:
    first = [GemEnv(seed=seed).reset()[1]["sample_id"] for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]
    env = GemEnv(seed=1)
    drawn = [env.reset()[1]["sample_id"] for _ in range(4)]
    assert drawn[0] == first[0]
    assert len(set(drawn)) > 1
    assert env.reset(seed=1)[1]["sample_id"] == first[0]
    images = [GemEnv(data_seed=n).reset(options={"index": 0})[1]["images"][0] for n in (0, 7)]
    assert images[0].tobytes() != images[1].tobytes()


def test_spawned_it_is_another_or_goes_on_where_it_was() -> None:
    env = GemEnv(seed=3, split="test")
    env.reset()
    asked = turns_of(our_env(split="test"), 1)[0]
    told = env.step(asked)
    same = env.spawn(same_state=True)
    fresh = env.spawn(seed=4, max_turns=3)
    assert fresh.unwrapped is fresh
    assert fresh._env.factory.config.max_turns == 3
    assert same._env.episode.visual_tokens == env._env.episode.visual_tokens
    answer = "<think></think><answer>no</answer>"
    assert same.step(answer)[1:3] == env.step(answer)[1:3]
    assert [same.reset()[1]["sample_id"] for _ in range(3)] == [
        env.reset()[1]["sample_id"] for _ in range(3)
    ]
    assert not told[2]
    same.close()


def test_turns_are_drawn_and_settings_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    env = GemEnv()
    env.reset()
    assert isinstance(env.sample_random_action(), str)
    with pytest.raises(UnknownSettingError):
        GemEnv(no_such=1)
    monkeypatch.setitem(sys.modules, "gem", None)
    with pytest.raises(ImportError):
        register_gem(GEM_ID)
