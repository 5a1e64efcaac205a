"""One reward for all: recomputed of records, it is the default environment's own."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import vt_env  # noqa: F401 - registers the environment
from benchmarks.sweeps.yardstick import returns, start_oracle

REQUEST = '<tool_call>{"name": "resize_image", "arguments": {"action": "resize"}}</tool_call>'


def record(
    correct: bool | None, tokens: int, need: bool | None, kept: bool = True
) -> dict[str, Any]:
    return {
        "correct": correct, "well_formed": kept, "visual_tokens": tokens, "full_tokens": 36,
        "needs_high_res": need,
    }  # fmt: skip


@pytest.mark.parametrize("request_first", [False, True])
def test_it_is_what_the_default_environment_pays(request_first: bool) -> None:
    env = gymnasium.make("VisionThink-v0")
    env.reset(seed=3)
    total = 0.0
    answer = f"<think>so</think><answer>{env.unwrapped.episode.sample.answers[0]}</answer>"  # type: ignore[attr-defined]
    turns = [f"<think>unclear</think>{REQUEST}"] * request_first + [answer]
    for turn in turns:
        _, reward, over, _, _info = env.step(turn)
        total += float(reward)
    assert over
    episode = env.unwrapped.episode  # type: ignore[attr-defined]
    mine = record(True, episode.visual_tokens, None)
    mine["full_tokens"] = episode.full_tokens
    assert returns([mine])[0] == pytest.approx(total)
    env.close()


def test_an_abstained_verdict_has_no_return() -> None:
    found = returns([record(None, 9, None), record(False, 9, None, kept=False)])
    assert np.isnan(found[0]) and found[1] == pytest.approx(-0.025)


def test_the_oracle_takes_needs_decision_and_in_the_margin_what_pays() -> None:
    low = [record(False, 9, True), record(True, 9, False), record(False, 9, None)]
    high = [record(True, 45, True), record(True, 45, False), record(True, 45, None)]
    found = start_oracle(low, high)
    assert found.returns == pytest.approx([1.375, 1.475, 1.375])
    assert found.requests == pytest.approx(2 / 3)
    found = start_oracle([*low[:2], record(True, 9, None)], high)
    assert found.returns[2] == pytest.approx(1.475)
