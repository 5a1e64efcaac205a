import json
from pathlib import Path

from benchmarks.evaluation.baselines import BeforeTraining
from benchmarks.evaluation.starts import write_starts
from tests.agents.helpers import trajectory
from vt_env.rewards import Outcome


def test_how_the_model_before_rl_fares_on_each_sample(tmp_path: Path) -> None:
    needs = {"a": True, "b": False, "c": None}
    low = [
        trajectory(sample_id=name, index=n, answer=name, visual_tokens=9,
                   outcome=Outcome(not need, False, True, need),
                   reward_terms={"accuracy": float(not need)})
        for n, (name, need) in enumerate(needs.items())
    ]  # fmt: skip
    high = [
        trajectory(sample_id=name, index=n, answer=name.upper(), visual_tokens=45,
                   outcome=Outcome(True, True, True, need), reward_terms={"accuracy": 0.9})
        for n, (name, need) in enumerate(needs.items())
    ]  # fmt: skip
    path = tmp_path / "starts.jsonl"
    write_starts(BeforeTraining([], low, high, []), path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["oracle"] for row in rows] == ["request", "answer", "answer"]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert rows[0]["answer"] == {
        "correct": False, "reward": 0.0, "prediction": "a", "visual_tokens": 9,
    }  # fmt: skip
    assert rows[0]["request"]["reward"] == 0.9
    assert not list(tmp_path.glob("*.draft"))
