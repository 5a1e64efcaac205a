"""Images that are shown at several places are computed once, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agents.models.vision import ImageBatch, VisionProcessor, seen_once
from agents.tiny.model import ARCHITECTURES, TinyConfig, build_model, save_checkpoint
from agents.tiny.tokenizer import build_tokenizer


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_seen_once_gives_the_same_states_and_gradients(tmp_path: Path, architecture: str) -> None:
    tokenizer = build_tokenizer()
    model = build_model(TinyConfig(architecture), tokenizer, seed=0)
    save_checkpoint(model, tokenizer, tmp_path)
    vision = VisionProcessor(tmp_path)
    rng = np.random.default_rng(0)
    sizes = ((64, 128), (192, 64))
    one, two = (rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes)
    shown = (0, 1, 0, 0, 1)
    each = vision([(one, two)[number].copy() for number in shown])
    once = vision([one, two])
    once = ImageBatch(once.patches, once.grid_thw, once.tokens, shown)
    shared = vision([(one, two)[number] for number in shown])
    assert (shared.tokens, shared.shown) == (once.tokens, shown), "one object is seen once"
    assert torch.equal(shared.patches_shown(), each.patches)
    assert once.tokens_shown() == each.tokens_shown() == sum(each.tokens)
    assert torch.equal(once.grid_shown(), each.grid_thw)
    pad = model.config.image_token_id
    text = tokenizer.encode("What color is it?")
    ids = torch.tensor([[i for n in each.tokens for i in (*text, *[pad] * n)] + text])

    seen: list[int] = []
    tower = model.model.visual
    tower.patch_embed.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))

    def states(images: ImageBatch) -> tuple[torch.Tensor, torch.Tensor | None]:
        model.zero_grad()
        with seen_once(tower, images):
            hidden = model.model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                pixel_values=images.patches,
                image_grid_thw=images.grid_shown(),
                mm_token_type_ids=(ids == pad).int(),
            ).last_hidden_state
        hidden.square().mean().backward()
        first = next(tower.merger.parameters())
        return hidden.detach(), first.grad

    for got, expected in zip(states(once), states(each), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)
    assert seen[0] == len(once.patches) < seen[1] == len(each.patches)
    assert not tower._forward_hooks
    assert not tower._forward_pre_hooks
