"""Samples that are played in several ways at once are played as one way after the other."""

import pytest

from agents.backends import Generation, GenerationBackend, GenerationRequest, Sampling
from agents.rollouts.fixed import Pass, play_passes
from judges import make_judge
from vt_env.env import VisionThinkEnv

RULE = make_judge("rule")
GREEDY = Sampling(temperature=0.0, max_new_tokens=16)
WARM = Sampling(temperature=1.0, max_new_tokens=16, seed=5)
FORCED = [Pass(GREEDY, "answer"), Pass(GREEDY, "request"), Pass(GREEDY, "vanilla")]
PASSES = [Pass(GREEDY), Pass(WARM), *FORCED]
INDICES = list(range(3, 15))


@pytest.mark.parametrize("engine", ["hf_backend", "vllm_backend"])
def test_together_is_one_after_the_other(engine: str, request: pytest.FixtureRequest) -> None:
    backend: GenerationBackend = request.getfixturevalue(engine)
    factory = VisionThinkEnv(split="validation").factory
    together = play_passes(backend, factory, RULE, INDICES, PASSES)
    for one, found in zip(PASSES, together, strict=True):
        (alone,) = play_passes(backend, factory, RULE, INDICES, [one])
        assert [t.ids for t in found] == [t.ids for t in alone]
        assert [t.reward_terms for t in found] == [t.reward_terms for t in alone]
        assert [t.sample_id for t in found] == [f"validation-0-{index}" for index in INDICES]
        assert not any(t.images for t in found)
    policy, _, low, high, vanilla = together
    assert not any(t.outcome.requested for t in low)
    assert all(t.outcome.requested for t in high)
    assert not any(t.outcome.requested for t in vanilla)
    assert {t.visual_tokens / t.full_tokens for t in vanilla} == {1.0}
    assert [t.image_tokens for t in vanilla] == [t.image_tokens[1:] for t in high]
    assert all(len(t.record.turns) == 1 and t.forced == "answer" for t in vanilla)
    assert {t.outcome.requested for t in policy} == {True, False}


def test_ways_share_the_views_of_a_sample(
    hf_backend: GenerationBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[set[int]] = []
    generate = hf_backend.generate

    def watching(requests: list[GenerationRequest], sampling: Sampling) -> list[Generation]:
        shown.append({id(image) for one in requests for image in one.images})
        return generate(requests, sampling)

    monkeypatch.setattr(hf_backend, "generate", watching)
    factory = VisionThinkEnv(split="validation").factory
    policy, high, vanilla = play_passes(
        hf_backend,
        factory,
        RULE,
        INDICES,
        [Pass(GREEDY), Pass(GREEDY, "request"), Pass(GREEDY, "vanilla")],
    )
    assert len(vanilla) == len(INDICES)
    asked = [number for number, t in enumerate(policy) if t.outcome.requested]
    assert asked
    assert [policy[n].ids for n in asked] == [high[n].ids for n in asked]
    # The ways' first call: a low view each, and the high one, which a vanilla pass begins with.
    assert [len(images) for images in shown] == [2 * len(INDICES), 2 * len(asked)]
    assert shown[1] < shown[0]


def test_no_ways_and_no_samples(hf_backend: GenerationBackend) -> None:
    factory = VisionThinkEnv(split="validation").factory
    assert play_passes(hf_backend, factory, RULE, INDICES, []) == []
    assert play_passes(hf_backend, factory, RULE, [], PASSES) == [[]] * len(PASSES)
