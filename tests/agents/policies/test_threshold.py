"""A router asks where it is not sure, and its threshold is chosen on other samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import Generation
from agents.policies import Agent, AgentError, make_agent
from agents.policies.threshold import (
    NOTHING,
    ThresholdAgent,
    best_threshold,
    confidence_in,
)
from tests.agents.policies.contract import AgentContract
from vt_env import VisionThinkEnv

SAMPLES = st.lists(
    st.tuples(st.sampled_from([-3.0, -2.0, -1.0, -0.5]), st.floats(0, 2), st.floats(0, 2)),
    min_size=1, max_size=12,
)  # fmt: skip


class TestThresholdAgent(AgentContract):
    @classmethod
    def make(cls) -> Agent:
        return make_agent("threshold", threshold=-0.1, backend="transformers")

    def test_the_threshold_decides(self, agent: ThresholdAgent, env: VisionThinkEnv) -> None:
        rates = []
        for agent.threshold in (-math.inf, -0.1, math.inf):
            played = self.play(agent, env, range(12))
            rates.append(sum(t.outcome.requested for t in played))
            assert all(t.outcome.well_formed for t in played)
        agent.threshold = -0.1
        assert rates[0] == 0 <= rates[1] <= rates[2] == 12

    def test_it_is_chosen_where_it_pays_most(self, env: VisionThinkEnv) -> None:
        agent = make_agent("threshold", backend="transformers")
        try:
            assert isinstance(agent, ThresholdAgent) and agent.wants_calibration
            calls: list[float | None] = []

            def play() -> list:
                calls.append(agent.threshold)
                return self.play(agent, env, range(100, 124))

            agent.calibrate(play)
            assert calls == [-math.inf, math.inf] and not agent.wants_calibration
            returns = {}
            for threshold in (agent.threshold, -math.inf, math.inf):
                agent.threshold = threshold
                played = self.play(agent, env, range(100, 124))
                returns[threshold] = np.mean([t.reward for t in played])
            assert max(returns.values()) == pytest.approx(next(iter(returns.values())))
        finally:
            agent.close()


@given(SAMPLES)
def test_no_other_threshold_pays_more(samples: list[tuple[float, float, float]]) -> None:
    def paid(threshold: float) -> float:
        return sum(high if sure < threshold else low for sure, low, high in samples)

    best = best_threshold(np.array(samples))
    tried = [-math.inf, -2.5, -1.5, -0.75, math.inf]
    assert paid(best) == pytest.approx(max(map(paid, tried)))


def test_confidence_is_of_the_answer_alone() -> None:
    def wrote(ids: tuple[int, ...], logprobs: tuple[float, ...]) -> Generation:
        return Generation((1,), ids, logprobs, True)

    def decode(ids: object) -> str:
        return "".join({1: "ye", 2: "s", 3: "</", 4: "answer>"}[i] for i in ids)  # type: ignore[attr-defined]

    assert confidence_in(wrote((1, 2, 3, 4), (-1.0, -2.0, -9.0, -9.0)), decode) == -1.5
    assert confidence_in(wrote((1, 2), (-1.0, -2.0)), decode) == -1.5
    assert confidence_in(wrote((), ()), decode) == NOTHING
    assert confidence_in(wrote((3, 4), (-1.0, -2.0)), decode) == -1.5


@pytest.mark.parametrize("threshold", ["high", math.nan, True])
def test_a_threshold_is_a_number(threshold: object) -> None:
    with pytest.raises(AgentError, match="number of nats"):
        make_agent("threshold", threshold=threshold, backend="transformers")
