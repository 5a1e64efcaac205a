"""A model as it is compared between machines."""

from agents.engine import EngineSettings, told_model


def test_the_embedded_model_is_the_same_wherever_it_lies() -> None:
    here = told_model(EngineSettings().model_dir)
    assert here == told_model("/elsewhere/agents/tiny/checkpoint") == "agents/tiny/checkpoint"
    assert told_model("/mine/checkpoint") == "/mine/checkpoint"
