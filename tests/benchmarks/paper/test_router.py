"""A router by confidence: its threshold comes from validation samples alone."""

import math
from typing import Any

import pytest

from agents.policies.threshold import NOTHING
from benchmarks.paper.router import (
    Routed,
    answer_logprobs,
    at,
    chosen,
    curve,
    routed,
    threshold_for,
)
from tests.agents.helpers import trajectory
from vt_env import Outcome

WORDS = {1: "?", 2: "re", 3: "d", 4: "</answer>", 5: "<end>"}


def decode(ids: Any) -> str:
    return "".join(WORDS[token] for token in ids)


def sample(mean: float, low: bool, high: bool = True) -> dict[str, Any]:
    return vars(Routed(mean, 2 * mean, low, high, 0.25, 1.25))


SAMPLES = [Routed(**sample(-0.1, True)), Routed(**sample(-0.2, True, high=False)),
           Routed(**sample(-1.0, False)), Routed(**sample(-2.0, False))]  # fmt: skip


def test_only_the_answers_tokens_count() -> None:
    t = trajectory(
        ids=(1, 1, 2, 3, 4, 5),
        mask=(0, 0, 1, 1, 1, 1),
        logprobs=(0.0, 0.0, -0.5, -0.25, -4.0, -4.0),
    )
    assert answer_logprobs(t, decode) == [-0.5, -0.25]
    empty = trajectory(ids=(1, 4, 5), mask=(0, 1, 1), logprobs=(0.0, -3.0, -1.0))
    assert answer_logprobs(empty, decode) == [-3.0, -1.0], "of no answer, what it wrote"
    found = routed(
        t, trajectory(outcome=Outcome(False, True, True, True), visual_tokens=20), decode
    )
    assert found == Routed(-0.375, -0.5, True, False, 0.25, 1.25)
    silent = trajectory(mask=(0, 0, 0), logprobs=(0.0, 0.0, 0.0))
    assert routed(silent, silent, decode).least == NOTHING


def test_less_confidence_than_the_threshold_asks() -> None:
    assert at(SAMPLES, "mean", -0.2) == (1.0, 0.75), "the two that are not sure ask"
    assert at(SAMPLES, "mean", -math.inf) == (0.5, 0.25)
    assert at(SAMPLES, "mean", math.inf) == (0.75, 1.25)


def test_the_curve_goes_from_never_to_always() -> None:
    found = curve(SAMPLES, "least")
    assert found[0] == (0.5, 0.25) and found[-1] == (0.75, 1.25)
    assert [tokens for _, tokens in found] == sorted(tokens for _, tokens in found)


def test_the_threshold_makes_the_tokens_equal() -> None:
    threshold = threshold_for(SAMPLES, "mean", 0.76)
    assert at(SAMPLES, "mean", threshold)[1] == 0.75


def test_it_is_chosen_on_validation_samples_and_reported_on_others() -> None:
    validation = [sample(mean, True) for mean in (-0.1, -0.3, -0.5, -0.7)]
    measured = {"ours": [0.5, 0.5], "validation": validation, "reported": list(map(vars, SAMPLES))}
    mean, least = chosen(measured)
    # One of the four validation samples asks, so the threshold lies between -0.7 and -0.5.
    assert mean.threshold == -0.5 and least.threshold == -1.0
    assert (mean.right, mean.tokens) == (1.0, 0.75), "of the reported ones two are that unsure"
    assert (mean.samples, mean.validation, mean.wanted) == (4, 4, 0.5)
    unlike = [sample(-9.0, False)] * 4
    assert chosen({**measured, "reported": unlike})[0].threshold == mean.threshold


@pytest.mark.parametrize("missing", ["validation", "reported"])
def test_without_samples_there_is_no_router(missing: str) -> None:
    measured = {"ours": [0.5], "validation": [sample(-0.1, True)], "reported": [sample(-0.1, True)]}
    assert len(chosen(measured)) == 2
    assert chosen({**measured, missing: []}) == [] == chosen({})
