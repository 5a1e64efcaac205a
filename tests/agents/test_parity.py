"""Engine against trainer: the log-probs that vLLM reports are those that the trainer computes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.backends import GenerationBackend, Sampling
from agents.grpo.logprobs import Readout, sampled_logprobs
from agents.grpo.packing.batching import Packing
from agents.models.checkpoints import load_model
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import make_judge
from tests.agents.helpers import a_collator, world_episodes

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


def two_turn_episodes(
    backend: GenerationBackend, seed: int, temperature: float = 1.0
) -> list[Trajectory]:
    sampling = Sampling(temperature, seed=seed, max_new_tokens=32)
    played = collect(backend, world_episodes(24), make_judge("rule"), sampling)
    two_turns = [t for t in played if len(t.images) == 2]
    assert len(two_turns) >= 4
    assert len(two_turns) < len(played)
    return played


def worst_difference(
    model: Any,
    trajectories: list[Trajectory],
    backend: GenerationBackend,
    checkpoint: Path,
    temperature: float = 1.0,
    packing: Packing = "tree",
) -> float:
    collate = a_collator(checkpoint, model, backend.encoder)
    (rows,) = collate.plan([[t] for t in trajectories], packing, None)
    batch = collate(rows, packing)
    readout = Readout(backend.encoder.banned, temperature)
    with torch.no_grad():
        logp, _ = sampled_logprobs(model, batch, readout)
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


@pytest.mark.parametrize("engine", ["vllm_backend", "hf_backend"])
@pytest.mark.parametrize("temperature", [0.7, 1.3])
def test_parity_at_other_temperatures(
    engine: str, temperature: float, model: Any, checkpoint: Path, request: pytest.FixtureRequest
) -> None:
    """Engines report log-probs of the distribution that they draw from; so does the trainer."""
    backend: GenerationBackend = request.getfixturevalue(engine)
    played = two_turn_episodes(backend, 5, temperature)
    for packing in ("tree", "padded"):
        worst = worst_difference(model, played, backend, checkpoint, temperature, packing)
        assert worst <= TOLERANCE
    assert worst_difference(model, played, backend, checkpoint) > 0.05
