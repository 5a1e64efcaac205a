import pytest

from agents.rollouts.metrics import judge_metrics, rollout_metrics
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
