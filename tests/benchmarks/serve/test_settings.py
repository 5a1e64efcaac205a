"""Settings of serve: the key, the bounds."""

import pytest

from benchmarks.evaluation.candidates import AgentSettings
from benchmarks.serve.settings import ServeSettings
from vt_env import ConfigError, UnknownNameError
from vt_env.config import EnvSettings


def test_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ServeSettings().made_key(), ServeSettings().made_key()
    assert first and second and first != second
    assert first.startswith("sk-") and len(first) >= 32
    assert ServeSettings(key="none").made_key() is None
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    assert ServeSettings(key="env").made_key() == "mine"
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        ServeSettings(key="env").made_key()
    with pytest.raises(UnknownNameError, match="none"):
        ServeSettings(key="nona")


def test_the_model_is_served_unless_an_agent_is_named() -> None:
    assert ServeSettings().serves_model
    assert not ServeSettings(agent=AgentSettings("random")).serves_model
    assert not ServeSettings(agent=AgentSettings("vlm", {"temperature": 1.0})).serves_model


def test_as_many_images_as_an_episode_shows() -> None:
    assert ServeSettings().most_images == 2
    rules = EnvSettings(tools=("resize", "crop"), max_turns=5)
    assert ServeSettings(env=rules).most_images == 5
    assert ServeSettings(env=rules, images=3).most_images == 3


def test_megabytes() -> None:
    assert ServeSettings(megabytes=0.5).most_bytes == 500_000
    with pytest.raises(ConfigError, match="megabytes"):
        ServeSettings(megabytes=0)
