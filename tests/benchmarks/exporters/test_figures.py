"""The final figures by the names that boards have for them."""

from benchmarks.exporters.figures import final_figures


def test_policy_and_baselines_by_name() -> None:
    low = {"accuracy": 0.5, "episodes": 3, "by_family": {"maps": {"accuracy": 1.0}}}
    summary = {
        "run": "a", "seed": 1, "iterations": 2, "seconds": 3.0, "accuracy": 0.75, "reward": 1,
        "accuracy_given_request": None, "regret": float("nan"), "by_family": {}, "limits": {},
        "baselines": {"always_low": low, "oracle": {"reward": 1.5, "margin_decision": "answer"}},
        "temperature_1": {"accuracy": 0.25}, "stopped": "until",
    }  # fmt: skip
    assert final_figures(summary) == {
        "Final/policy/accuracy": 0.75,
        "Final/policy/reward": 1.0,
        "Final/policy_temperature_1/accuracy": 0.25,
        "baselines/always_low/accuracy": 0.5,
        "baselines/oracle/reward": 1.5,
    }
    assert sorted(final_figures(summary)) == list(final_figures(summary))
    assert final_figures({}) == {}
