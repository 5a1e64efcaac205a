"""The small one first, the larger one where it asks."""

import pytest

from agents.policies import Agent, AgentError, make_agent
from tests.agents.policies.contract import AgentContract
from vt_env import VisionThinkEnv


class TestCascade(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("cascade", small="random", large="always_answer",
                          large_params={"answer": "large"})  # fmt: skip

    def test_who_answers_is_told_by_the_request(self, env: VisionThinkEnv) -> None:
        agent = self.make()
        played = self.play(agent, env, range(40))
        asked = [t for t in played if t.outcome.requested]
        assert 0 < len(asked) < 40
        assert all((t.answer in ("large", "A")) for t in asked)
        assert not any(t.answer == "large" for t in played if not t.outcome.requested)
        assert agent.told() == {"large_turns": float(len(asked))}


@pytest.mark.parametrize(
    ("params", "said"),
    [({}, "of two agents"), ({"small": "random"}, "of two agents"),
     ({"small": "oracle", "large": "random"}, "labels")],
)  # fmt: skip
def test_what_is_no_cascade_is_refused(params: dict[str, str], said: str) -> None:
    with pytest.raises(AgentError, match=said):
        make_agent("cascade", **params)
