"""The one place that makes episodes."""

import inspect
from pathlib import Path

import pytest

import vt_env
from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.config import EpisodeConfig
from vt_env.env import VisionThinkEnv
from vt_env.factory import EpisodeFactory
from vt_env.images.views import MemoryImage
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
