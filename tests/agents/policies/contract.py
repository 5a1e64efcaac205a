"""What every agent must do; the tests of each inherit from this."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import pytest

from agents.policies import Agent, view_of
from agents.policies.play import play_agent
from agents.rollouts import Trajectory
from vt_env import VisionThinkEnv, make


class AgentContract(ABC):
    """Inherit, and make an agent."""

    @classmethod
    @abstractmethod
    def make(cls) -> Agent:
        """A new agent."""

    @pytest.fixture(scope="class")
    @classmethod
    def env(cls) -> Iterator[VisionThinkEnv]:
        from agents import CHECKPOINT

        env = make("VisionThink-v0", split="test", checkpoint=CHECKPOINT).unwrapped
        yield env
        env.close()

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls) -> Iterator[Agent]:
        agent = cls.make()
        yield agent
        agent.close()

    def play(self, agent: Agent, env: VisionThinkEnv, indices: range) -> list[Trajectory]:
        episodes = [env.new_episode(index) for index in indices]
        return play_agent(agent, episodes, env.judge, [7 * index for index in indices])

    def test_it_gives_a_text_a_view(self, agent: Agent, env: VisionThinkEnv) -> None:
        agent.reset([3, 4, 5])
        episodes = [env.new_episode(index) for index in (0, 1, 2)]
        views = [view_of(e, n, agent.sees_sample) for n, e in enumerate(episodes)]
        assert all("sample" not in view for view in views) or agent.sees_sample
        turns = agent.act(views)
        assert len(turns) == 3 and all(isinstance(turn, str) for turn in turns)

    def test_its_episodes_end_and_are_judged(self, agent: Agent, env: VisionThinkEnv) -> None:
        played = self.play(agent, env, range(6))
        assert all(t.ending == "answered" for t in played)
        assert [t.sample_id for t in played] == [env.dataset[n].sample_id for n in range(6)]

    def test_the_same_seeds_give_the_same_turns(self, agent: Agent, env: VisionThinkEnv) -> None:
        one, other = (self.play(agent, env, range(4)) for _ in range(2))
        assert [t.record.turns for t in one] == [t.record.turns for t in other]

    def test_it_begins_anew_with_other_episodes(self, agent: Agent, env: VisionThinkEnv) -> None:
        """Nothing is left of the episodes before: a sample is played alike after any others."""
        self.play(agent, env, range(3, 6))
        after = self.play(agent, env, range(2))
        agent.reset([])
        assert [t.record.turns for t in self.play(agent, env, range(2))] == [
            t.record.turns for t in after
        ]

    def test_what_it_tells_is_numbers(self, agent: Agent) -> None:
        assert all(isinstance(value, float) for value in agent.told().values())
