"""The one place that makes episodes."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import vt_env
from judges import Verdict
from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.config import EpisodeConfig
from vt_env.env import VisionThinkEnv
from vt_env.episode import Episode
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.factory import EpisodeFactory
from vt_env.images.views import MemoryImage
from vt_env.protocol import Answer, to_text
from vt_env.rewards import RewardConfig
from vt_env.templates import load_template
from vt_env.vector import VisionThinkVectorEnv

ROOT = Path(inspect.getfile(vt_env)).parent.parent


def make() -> EpisodeFactory:
    data = ListDataset((memory_sample(sample_id="a"), memory_sample(sample_id="b")))
    config = EpisodeConfig(max_turns=3)
    return EpisodeFactory(data, config, RewardConfig(price=0.25), load_template("agent"))


def test_an_episode_has_the_rules_the_weights_and_the_words() -> None:
    factory = make()
    episode = factory.episode(1)
    assert episode.sample.sample_id == "b"
    assert episode.config is factory.config
    assert episode.rewards is factory.rewards
    assert episode.template is factory.template
    assert factory.episode(1) is not episode


def test_a_group_shares_its_views_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = MemoryImage.load

    def counted(image: MemoryImage) -> object:
        loads.append(image.name)
        return load(image)

    monkeypatch.setattr(MemoryImage, "load", counted)
    group = make().group(0, 4)
    assert len(loads) == 1
    assert all(e.observation.image is group[0].observation.image for e in group)
    assert len({id(e.messages) for e in group}) == 4
    alone = make().episode(0)
    assert alone.observation.image.tobytes() == group[0].observation.image.tobytes()


def test_all_faces_play_by_one_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    on = EpisodeFactory.on

    def counted(factory: EpisodeFactory, sample: vt_env.Sample) -> vt_env.Episode:
        made.append(sample.sample_id)
        return on(factory, sample)

    monkeypatch.setattr(EpisodeFactory, "on", counted)
    env = VisionThinkEnv()
    env.reset(seed=0)
    env.new_episode(3)
    assert len(made) == 2
    VisionThinkVectorEnv(num_envs=3, workers=1).reset(seed=0)
    assert len(made) == 5


def test_no_other_place_assembles_an_episode_from_an_env() -> None:
    for layer in ("vt_env", "agents", "benchmarks"):
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for bag in ("env.episode_config", "env.reward_config", "env.template,"):
                assert bag not in text, f"{file} takes {bag} out of an env"


class Counted(Episode):
    """Pays for every turn, by the name ``turns``."""

    def settle(self, verdict: Verdict) -> dict[str, float]:
        return {**super().settle(verdict), **self.pay({"turns": float(self.turn)})}


class CountedEnv(VisionThinkEnv):
    episode_class = Counted


class Hasty(VisionThinkEnv):
    def step(self, action: str) -> Any:
        return super().step(action)


@pytest.fixture
def registered() -> Iterator[None]:
    for name in ("Counted", "Hasty"):
        entry = CountedEnv if name == "Counted" else Hasty
        gymnasium.register(f"tests/{name}-v0", entry_point=entry)
    yield
    for name in ("Counted", "Hasty"):
        del gymnasium.registry[f"tests/{name}-v0"]


@pytest.mark.usefixtures("registered")
def test_an_environment_of_ones_own_plays_its_own_episodes() -> None:
    env = vt_env.open_env("tests/Counted-v0")
    assert isinstance(env.new_episode(0), Counted)
    assert all(isinstance(episode, Counted) for episode in env.factory.group(0, 2))
    env.reset(seed=0)
    *_, info = env.step(to_text(Answer("7")))
    assert info["reward_terms"]["turns"] == 1.0


@pytest.mark.usefixtures("registered")
def test_an_environment_that_engines_cannot_play_is_told() -> None:
    with pytest.raises(ConfigError, match="Hasty has a step of its own"):
        vt_env.open_env("tests/Hasty-v0")
    with pytest.raises(ConfigError, match="must be a VisionThinkEnv or a subclass, got"):
        vt_env.open_env("VisionThinkDiscrete-v0")
    with pytest.raises(UnknownNameError, match="Did you mean 'VisionThink-v0'"):
        vt_env.open_env("VisonThink-v0")
