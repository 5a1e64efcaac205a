"""A checkpoint as an agent plays as the engine plays, token for token."""

from dataclasses import replace

import pytest

from agents import CHECKPOINT, Pass, Sampling
from agents.engine import EngineSettings
from agents.policies import Agent, make_agent, view_of
from agents.policies.vlm import VLMAgent, engine_settings
from agents.rollouts import play_passes
from tests.agents.policies.contract import AgentContract
from vt_env import Message, VisionThinkEnv


class TestVLMAgent(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("vlm", backend="transformers")

    def test_it_plays_as_the_engine_does(self, agent: VLMAgent, env: VisionThinkEnv) -> None:
        engine = agent._engine
        greedy = Sampling(0.0, max_new_tokens=engine.max_new_tokens)
        (expected,) = play_passes(engine.backend, env.factory, env.judge, range(12), [Pass(greedy)])
        played = self.play(agent, env, range(12))
        assert [t.record for t in played] == [t.record for t in expected]
        assert {t.outcome.requested for t in played} == {True, False}

    def test_it_goes_on_with_what_it_sampled(self, agent: VLMAgent, env: VisionThinkEnv) -> None:
        episode = env.new_episode(0)
        agent.reset([0])
        view = view_of(episode)
        (turn,) = agent.act([view])
        held = agent._engine._held[0]
        assert held.said == turn and held.ids[-1] == agent._engine.backend.encoder.eos
        reply = Message("user", ("Answer now.",))
        going_on = {**view, "messages": (*view["messages"], Message("assistant", (turn,)), reply)}
        ids = agent._engine.conversation(going_on).prompt_ids
        assert ids[: len(held.ids)] == held.ids
        # Another's turn is read anew.
        other = (*view["messages"], Message("assistant", ("Hm.",)), reply)
        assert agent._engine.conversation({**view, "messages": other}).prompt_ids != ids

    def test_what_does_not_fit_is_told(self, agent: VLMAgent, env: VisionThinkEnv) -> None:
        agent.reset([0, 0])
        views = [view_of(env.new_episode(n), n) for n in (0, 1)]
        long = Message("user", ("word " * 5000,))
        views[0] = {**views[0], "messages": (*views[0]["messages"][:-1], long)}
        turns = agent.act(views)
        assert [turn.no_room for turn in turns] == [True, False]  # type: ignore[attr-defined]
        assert turns[1].completion_tokens > 0  # type: ignore[attr-defined]


def test_settings_of_the_engine_come_from_all_sides() -> None:
    given = EngineSettings(backend="transformers", max_new_tokens=9)
    assert engine_settings(given) == given
    assert engine_settings({"max_new_tokens": 9}, backend="transformers") == given
    assert engine_settings(given, model_dir="x") == replace(given, model_dir="x")
    assert engine_settings(None).model_dir == str(CHECKPOINT)


def test_a_draw_hangs_on_the_seed() -> None:
    agent = VLMAgent(backend="transformers", temperature=1.0)
    try:
        from vt_env import make

        env = make("VisionThink-v0", split="test", checkpoint=CHECKPOINT).unwrapped
        drawn = []
        for seed in (1, 1, 2):
            agent.reset([seed] * 16)
            drawn.append(agent.act([view_of(env.new_episode(n), n) for n in range(16)]))
        assert drawn[0] == drawn[1] != drawn[2]
    finally:
        agent.close()


@pytest.mark.parametrize("wrong", ["nowhere", "none"])
def test_what_is_no_checkpoint_is_named(wrong: str) -> None:
    from agents import BackendError

    with pytest.raises(BackendError, match=wrong):
        VLMAgent(model_dir=wrong, backend="transformers")
