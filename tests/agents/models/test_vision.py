"""Images that are shown at several places are computed once, and nothing else changes."""

from typing import Any

import numpy as np
import pytest
import torch

from agents.models.vision import (
    FeatureCache,
    ImageBatch,
    VisionProcessor,
    encoder_outputs,
    image_features,
)
from agents.tiny.model import ARCHITECTURES, TinyConfig, build_model, save_checkpoint
from agents.tiny.tokenizer import build_tokenizer


@pytest.fixture(scope="module", params=ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path, tokenizer = tmp_path_factory.mktemp(request.param), build_tokenizer()
    model = build_model(TinyConfig(request.param), tokenizer, seed=0)
    save_checkpoint(model, tokenizer, path)
    return model, VisionProcessor(path), tokenizer


def two_images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    one, two = (rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((64, 128), (192, 64)))
    return one, two


def test_features_at_several_places_give_the_same_states_and_gradients(tiny: Any) -> None:
    model, vision, tokenizer = tiny
    pictures, shown = two_images(), (0, 1, 0, 0, 1)
    each = vision([pictures[number].copy() for number in shown])
    once = vision([pictures[number] for number in shown])
    assert (once.shown, len(once.tokens)) == (shown, 2), "one object is seen once"
    assert torch.equal(once.patches_shown(), each.patches)
    assert once.tokens_shown() == each.tokens_shown() == sum(each.tokens)
    assert torch.equal(once.grid_shown(), each.grid_thw)
    pad = model.config.image_token_id
    text = tokenizer.encode("What color is it?")
    ids = torch.tensor([[i for n in each.tokens for i in (*text, *[pad] * n)] + text])
    seen: list[int] = []
    tower = model.model.visual
    hook = tower.patch_embed.register_forward_hook(
        lambda _m, inputs, _o: seen.append(len(inputs[0]))
    )

    def states(images: ImageBatch, ours: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        model.zero_grad()
        outputs = encoder_outputs(image_features(model, images), images.shown) if ours else None
        hidden = model.model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=None if ours else images.patches,
            mm_encoder_outputs=outputs,
            image_grid_thw=images.grid_shown(),
            mm_token_type_ids=(ids == pad).int(),
        ).last_hidden_state
        hidden.square().mean().backward()
        return hidden.detach(), next(tower.merger.parameters()).grad

    for got, expected in zip(states(once, True), states(each, False), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)
    assert seen[0] == len(once.patches) < seen[1] == len(each.patches)
    hook.remove()


def test_what_is_at_hand_is_not_computed_again(tiny: Any) -> None:
    model, vision, _ = tiny
    one, two = two_images()
    cache, seen = FeatureCache(), list[int]()
    tower = model.model.visual
    hook = tower.patch_embed.register_forward_hook(
        lambda _m, inputs, _o: seen.append(len(inputs[0]))
    )
    with torch.no_grad():
        whole = image_features(model, vision([one, two]))
        image_features(model, vision([two], cache.grids()), cache)
        both = vision([one, two, one], cache.grids())
        found = image_features(model, both, cache)
        image_features(model, both, cache)  # a second pass over the batch: nothing to compute
        again = image_features(model, vision([two, one], cache.grids()), cache)
    hook.remove()
    patches = [int(grid.prod()) for grid in both.grid_thw]
    assert seen == [sum(patches), patches[1], patches[0]]
    assert (both.known, len(both.patches), len(cache)) == ({1}, patches[0], 2)
    for got, expected in zip((*found, *again[::-1]), (*whole, *whole), strict=True):
        torch.testing.assert_close(got.pooled, expected.pooled, rtol=1e-4, atol=1e-5)
        for ours, theirs in zip(got.deepstack, expected.deepstack, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert bool(found[0].deepstack) == (model.config.model_type == "qwen3_vl")
    cache.clear()
    assert not cache.grids()
