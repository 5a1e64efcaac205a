"""Both decisions in every group: who is forced to what, and that it is not trained on."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import GenerationBackend, Sampling
from agents.rollouts.balance import balanced_force, forced_decision, forced_share
from agents.rollouts.collect import collect
from agents.rollouts.metrics import rollout_metrics
from judges import make_judge
from tests.agents.helpers import trajectory
from vt_env.env import VisionThinkEnv
from vt_env.rewards import Outcome


def test_the_share_falls_to_none() -> None:
    assert [forced_share(0.8, 4, n) for n in range(6)] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0, 0])
    assert forced_share(0.0, 4, 0) == 0.0


def test_by_turns_and_from_prompt_to_prompt() -> None:
    def group(share: float, position: int) -> list[str | None]:
        return [forced_decision(share, 4, position, member) for member in range(4)]

    assert group(1.0, 0) == ["request", "answer", "request", "answer"]
    assert group(1.0, 1) == ["answer", "request", "answer", "request"]
    assert group(0.75, 0) == ["request", "answer", "request", None]
    assert group(0.75, 1) == ["answer", "request", "answer", None]
    assert group(0.125, 0) == ["request", None, None, None]  # halves upwards
    assert group(0.12, 0) == group(0.0, 0) == [None] * 4


@given(
    share=st.floats(0, 1),
    size=st.integers(2, 16),
    start=st.integers(0, 999),
    pairs=st.integers(1, 4),
)
def test_neither_decision_is_favoured(share: float, size: int, start: int, pairs: int) -> None:
    positions = range(start, start + 2 * pairs)
    drawn = Counter(forced_decision(share, size, p, m) for p in positions for m in range(size))
    assert drawn["request"] == drawn["answer"]
    assert abs((drawn["request"] + drawn["answer"]) / len(positions) - share * size) <= 0.5


def test_forced_members_are_not_trained_on_what_was_forced(hf_backend: GenerationBackend) -> None:
    factory = VisionThinkEnv(split="validation", seed=11).factory
    groups = [factory.group(index, 4) for index in range(3)]
    force = balanced_force(groups, 7, 0.5)
    played = collect(
        hf_backend,
        [e for group in groups for e in group],
        make_judge("rule"),
        Sampling(seed=3, max_new_tokens=32),
        force,
    )
    odd, even = ["answer", "request", None, None], ["request", "answer", None, None]
    assert [t.forced for t in played] == [*odd, *even, *odd]
    for t in played:
        assert sum(t.turns) == sum(t.mask) and len(t.turns) == len(t.record.turns)
        assert all(m or lp == 0.0 for m, lp in zip(t.mask, t.logprobs, strict=True))
        if t.forced == "request":
            assert t.outcome.requested and t.turns[0] == 0 < t.turns[1]
        elif t.forced == "answer":
            assert not t.outcome.requested and t.turns == (sum(t.mask),)
        else:
            assert all(t.turns)
    again = collect(
        hf_backend,
        [e for index in range(3) for e in factory.group(index, 4)],
        make_judge("rule"),
        Sampling(seed=3, max_new_tokens=32),
    )
    assert all(t.forced is None and all(t.turns) for t in again)


def test_a_group_that_cannot_request_stays_free() -> None:
    factory = VisionThinkEnv(split="validation", seed=11, tools=()).factory
    group = factory.group(0, 4)
    assert group[0].forced_request is None
    force = balanced_force([group], 0, 1.0)
    assert [force(episode) for episode in group] == [None] * 4


def test_request_rates_of_those_who_chose() -> None:
    asked, direct = (Outcome(True, requested, True, True) for requested in (True, False))
    members = [
        trajectory(outcome=asked, forced="request"),
        trajectory(outcome=direct, forced="answer"),
        trajectory(outcome=direct),
        trajectory(outcome=direct),
        trajectory(outcome=asked),
    ]
    metrics = rollout_metrics(members)
    assert metrics["exploration/forced_share"] == pytest.approx(0.4)
    assert metrics["resize_call_ratio"] == pytest.approx(0.4)
    assert metrics["exploration/free_request_rate"] == pytest.approx(1 / 3)
    assert metrics["exploration/free_request_rate_need"] == pytest.approx(1 / 3)
    assert "exploration/free_request_rate_no_need" not in metrics
    assert not [name for name in rollout_metrics(members[2:]) if name.startswith("exploration")]
    assert "exploration/free_request_rate" not in rollout_metrics(members[:2])
