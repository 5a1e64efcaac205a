import pytest

from agents.rollouts.metrics import (
    FAMILY_METRICS,
    episode_metrics,
    judge_metrics,
    rollout_metrics,
    summary_metrics,
)
from agents.rollouts.trajectory import Trajectory
from tests.agents.helpers import trajectory
from vt_env.episode import Ending
from vt_env.rewards import Outcome


def test_means_and_shares() -> None:
    asked = Outcome(correct=True, requested=True, well_formed=True, needs_high_res=True)
    direct = Outcome(correct=False, requested=False, well_formed=True, needs_high_res=True)
    unknown = Outcome(correct=None, requested=False, well_formed=True, needs_high_res=False)
    metrics = rollout_metrics(
        [
            trajectory(outcome=asked, visual_tokens=20, reward_terms={"accuracy": 1.0}),
            trajectory(outcome=direct, reward_terms={"accuracy": 0.0}),
            trajectory(outcome=unknown, ending=Ending.ABSTAINED, reward_terms={}),
        ]
    )
    assert metrics["accuracy"] == 0.5  # the abstention is not a 0
    assert metrics["reward"] == 0.5
    assert metrics["resize_call_ratio"] == pytest.approx(1 / 3)
    assert metrics["request_rate_need"] == 0.5
    assert metrics["request_rate_no_need"] == 0.0
    assert metrics["accuracy_given_request"] == 1.0
    assert metrics["endings/abstained"] == pytest.approx(1 / 3)
    assert metrics["visual_tokens/share_of_full"] == pytest.approx((20 + 4 + 4) / 3 / 16)
    assert metrics["frac_reward_zero_std"] == 0.0


def test_a_share_of_nothing_is_left_out() -> None:
    metrics = rollout_metrics([trajectory()])
    assert "request_rate_need" not in metrics
    assert "accuracy_given_request" not in metrics
    assert metrics["request_rate_no_need"] == 0.0


def test_judge_metrics_of_several_runners() -> None:
    one = {"judge/wait_share": 0.2, "judge/retries": 1.0}
    other = {"judge/wait_share": 0.4, "judge/retries": 2.0, "judge/abstained/timeout": 3.0}
    assert judge_metrics([one, other]) == {
        "judge/wait_share": pytest.approx(0.3),
        "judge/retries": 3.0,
        "judge/abstained/timeout": 3.0,
    }


def episode(need: bool | None, requested: bool, correct: bool | None, reward: float) -> Trajectory:
    return trajectory(
        outcome=Outcome(correct, requested, True, need),
        reward_terms={"accuracy": reward},
        visual_tokens=20 if requested else 4,
    )


LOW = [
    episode(True, False, False, 0.4),
    episode(False, False, True, 1.4),
    episode(None, False, False, 0.4),
    episode(None, False, True, 1.4),
]


def test_training_and_evaluation_say_the_same_by_the_same_names() -> None:
    rolled, summed = rollout_metrics(LOW), summary_metrics(LOW)
    for name, value in episode_metrics(LOW).items():
        assert summed[name] == (None if value is None else pytest.approx(value, abs=1e-6))
        assert rolled.get(name) == value
    for family, metrics in summed["by_family"].items():
        assert set(metrics) == {*FAMILY_METRICS, "episodes"}
        for name in FAMILY_METRICS:
            assert rolled[f"by_family/{family}/{name}"] == pytest.approx(metrics[name], abs=1e-6)


def test_a_summary_by_hand() -> None:
    result = summary_metrics(LOW)
    assert result["accuracy"] == 0.5
    assert result["request_rate_need"] == 0.0
    assert result["accuracy_given_request"] is None
    assert result["visual_tokens/share_of_full"] == 0.25
    assert result["reward"] == pytest.approx(0.9)
    assert (result["episodes"], result["by_family"]["objects"]["episodes"]) == (4, 4)


def test_the_margin_counts_in_accuracy_but_in_neither_rate() -> None:
    high = episode(None, True, True, 1.3)
    result = episode_metrics([LOW[0], high, high])
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert (result["request_rate_need"], result["request_rate_no_need"]) == (0.0, None)


def test_of_no_episodes_nothing_is_known() -> None:
    assert set(episode_metrics([]).values()) == {None}
