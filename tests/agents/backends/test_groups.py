"""Episodes of a group that still share their prompt are one request of the engine."""

import gc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents.backends import GenerationBackend, GenerationRequest, Sampling
from agents.backends.base import alike
from agents.backends.vllm_backend import ImageNames
from vt_env.env import VisionThinkEnv


def groups(backend: GenerationBackend, prompts: int, size: int) -> list[GenerationRequest]:
    """The first turns of groups, of which every other one is turned round."""
    factory = VisionThinkEnv(split="validation", seed=11).factory
    found = []
    for index in range(prompts):
        for episode in factory.group(index, size):
            ids = tuple(backend.encoder.opening(episode.messages))
            found.append(GenerationRequest(ids, (episode.observation.image,)))
    return found[::2] + found[1::2][::-1]


def test_what_is_alike_has_the_same_tokens_and_the_same_images() -> None:
    one, same, other = (Image.new("RGB", (2, 2), colour) for colour in (0, 0, 1))
    asked = [
        GenerationRequest((1, 2), (one,)),
        GenerationRequest((1, 2), (other,)),
        GenerationRequest((1, 2), (one,)),
        GenerationRequest((1, 3), (one,)),
        GenerationRequest((1, 2), (same,)),
        GenerationRequest((1, 2), (one, one)),
        GenerationRequest((1, 3), (one,)),
    ]
    assert alike(asked) == [[0, 2], [1], [3, 6], [4], [5]]
    assert alike([]) == []


class Counting:
    """Counts what vLLM is asked for."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.counts: list[int] = []
        self.names: list[str] = []

    def generate(self, prompts: Sequence[Any], params: Sequence[Any], **options: Any) -> Any:
        self.counts += [one.n for one in params]
        self.names += [name for p in prompts for name in p["multi_modal_uuids"]["image"]]
        return self.engine.generate(prompts, params, **options)


@pytest.fixture
def counted(vllm_backend: Any, monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting(vllm_backend._engine)
    monkeypatch.setattr(vllm_backend, "_engine", counting)
    return counting


def test_a_group_is_one_request_and_its_draws_differ(vllm_backend: Any, counted: Counting) -> None:
    asked = groups(vllm_backend, 6, 8)
    drawn = vllm_backend.generate(asked, Sampling(seed=3, max_new_tokens=32))
    assert counted.counts == [8] * 6
    assert len(set(counted.names)) == 6
    assert drawn == vllm_backend.generate(asked, Sampling(seed=3, max_new_tokens=32))
    members: dict[int, list[Any]] = {}
    for request, result in zip(asked, drawn, strict=True):
        kept = [token for token in result.prompt_ids if token != vllm_backend.encoder.image_pad]
        assert kept == [t for t in request.prompt_ids if t != vllm_backend.encoder.image_pad]
        members.setdefault(id(request.images[0]), []).append(result)
    spread = [len({one.logprobs for one in own}) for own in members.values()]
    assert max(spread) > 1
    assert any(one != other for one, other in pairwise(spread)) or min(spread) > 1


def test_drawing_nothing_is_done_once_a_group(
    vllm_backend: Any, hf_backend: GenerationBackend, counted: Counting
) -> None:
    asked = groups(vllm_backend, 4, 6)
    greedy = Sampling(temperature=0.0, max_new_tokens=32)
    found = vllm_backend.generate(asked, greedy)
    assert counted.counts == [1] * 4
    expected = hf_backend.generate(asked, greedy)
    assert [one.token_ids for one in found] == [one.token_ids for one in expected]


def test_frequencies_are_the_models_own(vllm_backend: Any, counted: Counting) -> None:
    """What is drawn 400 times from one prompt is drawn as often as its log-prob says."""
    asked = groups(vllm_backend, 3, 1)
    for request in asked:
        drawn = vllm_backend.generate([request] * 400, Sampling(seed=1, max_new_tokens=6))
        chance = {one.token_ids: float(np.exp(sum(one.logprobs))) for one in drawn}
        for tokens, expected in chance.items():
            share = sum(one.token_ids == tokens for one in drawn) / 400
            error = (expected * (1 - expected) / 400) ** 0.5
            assert abs(share - expected) < 4.5 * error + 0.01
    assert counted.counts == [400] * 3


def test_names_of_images_are_never_given_twice() -> None:
    names = ImageNames()
    kept = Image.new("RGB", (2, 2))
    seen = {names.of(kept)}
    for _ in range(50):
        fleeting = np.zeros((2, 2, 3), dtype=np.uint8)  # ids of such objects come again at once
        seen.add(names.of(fleeting))
        assert names.of(fleeting) in seen
        del fleeting
    gc.collect()
    assert len(seen) == 51
    assert names.of(kept) in seen
    assert len(names) == 1
