"""Agents that follow a rule do what they are called."""

import pytest

from agents.policies import Agent, make_agent, view_of
from agents.policies.play import play_agent
from agents.policies.scripted import AlwaysAnswer, AlwaysRequest, OracleAgent, RandomAgent, said
from tests.agents.policies.contract import AgentContract
from vt_env import ConfigError, LadderWarning, MemoryImage, Sample, VisionThinkEnv, make


class TestAlwaysAnswer(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("always_answer")

    def test_it_never_asks(self, agent: Agent, env: VisionThinkEnv) -> None:
        assert not any(t.outcome.requested for t in self.play(agent, env, range(12)))


class TestAlwaysRequest(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("always_request", answer="no")

    def test_it_always_asks(self, agent: Agent, env: VisionThinkEnv) -> None:
        played = self.play(agent, env, range(12))
        assert all(t.outcome.requested for t in played)
        assert {t.answer for t in played} <= {"no", "A"}


class TestRandomAgent(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("random")

    def test_it_asks_as_often_as_it_is_told(self, env: VisionThinkEnv) -> None:
        for share, least, most in ((0.0, 0, 0), (1.0, 200, 200), (0.5, 75, 125)):
            asked = sum(t.outcome.requested for t in self.play(RandomAgent(share), env, range(200)))
            assert least <= asked <= most


class TestOracleAgent(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("oracle")

    def test_it_is_right_and_asks_where_it_must(self, agent: Agent, env: VisionThinkEnv) -> None:
        played = self.play(agent, env, range(60))
        assert all(t.outcome.correct for t in played)
        assert all(t.outcome.requested == (t.outcome.needs_high_res is True) for t in played)
        assert {t.outcome.requested for t in played} == {True, False}


def options_env(size: int = 400) -> VisionThinkEnv:
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    sample = Sample("a", "Which?", ("B",), MemoryImage(Image.fromarray(pixels)),
                    choices=("one", "two", "three"))  # fmt: skip

    class One:
        name = "one"

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Sample:
            return sample

    return make("VisionThink-v0", data=One()).unwrapped


def test_of_options_a_letter_is_said() -> None:
    env = options_env()
    view = view_of(env.new_episode(0))
    assert view["choices"] == ("one", "two", "three")
    assert AlwaysAnswer("yes").answer(view) == said("A", view)
    rng = RandomAgent(0.0)
    rng.reset(range(64))
    turns = rng.act([{**view, "episode": n} for n in range(64)])
    assert set(turns) == {said(letter, view) for letter in "ABC"}


def test_nothing_is_asked_for_that_is_not_to_be_had() -> None:
    with pytest.warns(LadderWarning):
        env = options_env(size=30)  # so small that both views look the same
    (played,) = play_agent(AlwaysRequest(), [env.new_episode(0)], env.judge, [0])
    assert (played.outcome.requested, played.outcome.well_formed) == (False, True)
    assert view_of(env.new_episode(0))["request"] is None


def test_where_the_thought_is_open_it_is_not_opened_again() -> None:
    env = options_env()
    episode = env.new_episode(0)
    episode.template = episode.template.opened()
    (played,) = play_agent(OracleAgent(), [episode], env.judge, [0])
    assert played.outcome.correct and played.outcome.well_formed


@pytest.mark.parametrize(
    ("name", "params", "named"),
    [("random", {"request": 1.5}, "request"), ("random", {"answers": ()}, "answers"),
     ("always_answer", {"answer": " "}, "answer")],
)  # fmt: skip
def test_settings_that_cannot_work_are_named(name: str, params: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        make_agent(name, **params)
