import json
from collections.abc import Sequence

from benchmarks.training.rollout_log import lines
from tests.agents.helpers import trajectory


def joined(ids: Sequence[int]) -> str:
    return " ".join(map(str, ids))


def test_a_line_is_an_episode() -> None:
    episodes = [
        trajectory(
            index=7,
            sample_id="a",
            advantage=number - 1.5,
            reward_terms={"accuracy": 1.0, "shaping": -0.1},
            forced="request" if number else None,
        )
        for number in range(4)
    ]
    rows = [
        json.loads(line)
        for line in lines(
            3, [episodes[:2], episodes[2:]], lambda ids: " ".join(map(str, ids)), image_pad=99
        )
    ]
    assert [(r["iteration"], r["group"], r["member"]) for r in rows] == [
        (3, 0, 0), (3, 0, 1), (3, 1, 0), (3, 1, 1),
    ]  # fmt: skip
    assert [row["record"]["episode"] for row in rows] == [0, 1, 0, 1]
    assert {row["index"] for row in rows} == {7}
    assert [row["forced"] for row in rows] == [None, "request", "request", "request"]
    assert rows[0]["reward"] == 0.9 and rows[0]["reward_terms"]["shaping"] == -0.1
    assert rows[3]["tokens"] == {
        "text": ["1 2", "3"],
        "loss_mask": [0, 1],
        "logprob": [None, -0.5],
        "advantage": [None, 1.5],
        "image_tokens": [0, 0],
    }
