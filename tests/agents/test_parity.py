"""Engine against trainer: the log-probs that vLLM reports are those that the trainer computes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.backends import GenerationBackend, Sampling
from agents.grpo.batching import Collator
from agents.grpo.logprobs import sampled_logprobs
from agents.models.checkpoints import load_model
from agents.models.vision import VisionProcessor
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import make_judge
from tests.agents.helpers import world_episodes

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Any:
    return load_model(checkpoint)


@pytest.fixture
def restored(
    vllm_backend: GenerationBackend, hf_backend: GenerationBackend, checkpoint: Path
) -> Iterator[None]:
    """Gives the shared engines their weights back."""
    yield
    weights = load_model(checkpoint).state_dict()
    vllm_backend.load_weights(weights)
    hf_backend.load_weights(weights)


def two_turn_episodes(backend: GenerationBackend, seed: int) -> list[Trajectory]:
    played = collect(
        backend, world_episodes(24), make_judge("rule"), Sampling(seed=seed, max_new_tokens=32)
    )
    two_turns = [t for t in played if len(t.images) == 2]
    assert len(two_turns) >= 4
    assert len(two_turns) < len(played)
    return played


def worst_difference(
    model: Any, trajectories: list[Trajectory], backend: GenerationBackend, checkpoint: Path
) -> float:
    encoder = backend.encoder
    batch = Collator(VisionProcessor(checkpoint), encoder.pad, encoder.image_pad)(trajectories)
    with torch.no_grad():
        logp, _ = sampled_logprobs(model, batch, encoder.image_pad, encoder.banned)
    return float((logp - batch.sampler_logp).abs().max())


@pytest.mark.parametrize("engine", ["vllm_backend", "hf_backend"])
@pytest.mark.usefixtures("restored")
def test_parity_before_and_after_a_weight_sync(
    engine: str, model: Any, checkpoint: Path, request: pytest.FixtureRequest
) -> None:
    backend: GenerationBackend = request.getfixturevalue(engine)
    before = two_turn_episodes(backend, seed=1)
    assert worst_difference(model, before, backend, checkpoint) <= TOLERANCE

    changed = load_model(checkpoint)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    backend.load_weights(changed.state_dict())
    after = two_turn_episodes(backend, seed=2)
    assert worst_difference(changed, after, backend, checkpoint) <= TOLERANCE
    # The test can tell: under the old weights the new log-probs are far off.
    assert worst_difference(model, after, backend, checkpoint) > 10 * TOLERANCE
