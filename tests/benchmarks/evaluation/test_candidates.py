"""Who is evaluated plays samples in the ways that are asked for."""

from pathlib import Path

import pytest

from benchmarks.evaluation.candidates import (
    AgentCandidate,
    AgentSettings,
    EngineCandidate,
    candidate,
    sample_seed,
)
from benchmarks.evaluation.play import Batch
from benchmarks.evaluation.policy import EvalSettings
from vt_env import ConfigError, VisionThinkEnv, open_env
from vt_env.settings.tree import build

WAYS = (None, "answer", "request", "vanilla")


def settings(**given: object) -> EvalSettings:
    return build(EvalSettings, {"engine.backend": "transformers", **given})


def opened(found: EvalSettings) -> VisionThinkEnv:
    return open_env(found.env.id, **found.env_settings())


@pytest.mark.parametrize("name", ["vlm", "random"])
def test_every_way_is_played(name: str) -> None:
    found = settings(**{"agent.name": name})
    env = opened(found)
    with candidate(found, env, found.agent, 0, 0.0) as who:
        assert isinstance(who, EngineCandidate if name == "vlm" else AgentCandidate)
        played = {way: who.play(Batch(0, [0, 1, 2, 3]), way) for way in WAYS}  # type: ignore[arg-type]
        for way, episodes in played.items():
            assert [t.index for t in episodes] == [0, 1, 2, 3]
            factory = who.factory(way)  # type: ignore[arg-type]
            assert factory.config.resolutions == ((1.0,) if way == "vanilla" else (0.5, 1.0))
        assert all(t.outcome.requested for t in played["request"])
        assert not any(t.outcome.requested for t in [*played["answer"], *played["vanilla"]])
        full = [t.visual_tokens / t.full_tokens for t in played["vanilla"]]
        assert full == [1.0] * 4
    env.close()


def test_an_agent_with_an_engine_takes_the_settings() -> None:
    found = settings(**{"agent.name": "threshold", "agent.params": {"threshold": 0.0},
                        "engine.max_new_tokens": 7})  # fmt: skip
    env = opened(found)
    with candidate(found, env, found.agent, 0, 0.0) as who:
        assert isinstance(who, AgentCandidate)
        engine = who.agent._engine  # type: ignore[attr-defined]
        assert engine.max_new_tokens == 7
        assert type(engine.backend).__name__ == "TransformersBackend"
    env.close()


def test_without_a_model_another_must_play(tmp_path: Path) -> None:
    found = settings(**{"engine.model_dir": "none"})
    env = opened(found)
    with pytest.raises(ConfigError, match="--agent"), candidate(found, env, found.agent, 0, 0.0):
        pass
    with candidate(found, env, AgentSettings("random"), 0, 0.0) as who:
        assert who.play(Batch(0, [0]), None)[0].ending == "answered"
    env.close()


def test_no_key_is_kept_among_settings() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        AgentSettings("openai", {"api_key": "sk-1"})


def test_a_sample_has_its_own_seed() -> None:
    seeds = {sample_seed(seed, index) for seed in range(5) for index in range(50)}
    assert len(seeds) == 250 and sample_seed(1, 2) == sample_seed(1, 2)
