"""The patch embedding as a matrix product: transformers' convolution, up to rounding."""

import pytest
import torch

from agents.tiny.model import ARCHITECTURES, TinyConfig, build_model
from agents.tiny.patches import PatchProjection
from agents.tiny.tokenizer import build_tokenizer


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_gives_what_the_convolution_gives_and_learns_what_it_learns(architecture: str) -> None:
    model = build_model(TinyConfig(architecture), build_tokenizer(), seed=0)
    embedding = model.model.visual.patch_embed
    names = list(model.state_dict())
    side = embedding.patch_size
    patches = torch.randn(20, 3 * 2 * side * side, generator=torch.Generator().manual_seed(0))
    results = []
    for _ in range(2):
        embedding.zero_grad()
        embedded = embedding(patches)
        embedded.square().mean().backward()
        gradients = [parameter.grad.clone() for parameter in embedding.parameters()]
        results.append([embedded.detach(), *gradients])
        embedding.proj = PatchProjection(embedding.proj)
    assert results[0][0].shape == (20, 128)
    assert len(results[0]) == (3 if architecture == "qwen3_vl" else 2)  # with its bias
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert list(model.state_dict()) == names
