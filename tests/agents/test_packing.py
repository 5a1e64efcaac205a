"""Groups as trees and as padded rows, against each trajectory alone, as the model itself has it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agents.backends.base import BAN_BIAS
from agents.errors import AlignmentError
from agents.grpo.logprobs import Readout, refuses_trees, sampled_logprobs
from agents.grpo.packing.batching import Collator, ModelBatch, Packing
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.vision import VisionProcessor
from agents.rollouts.trajectory import Trajectory
from agents.tiny.model import ARCHITECTURES, TinyConfig, build_model, save_checkpoint
from agents.tiny.tokenizer import build_tokenizer
from tests.agents.helpers import a_collator, trajectory

BANNED = (3, 5)


class Tiny(NamedTuple):
    """A model with random weights."""

    model: Any
    collate: Collator
    vision: VisionProcessor
    images: list[Image.Image]

    def batches(
        self, groups: list[list[Trajectory]], packing: Packing, bound: int | None = None
    ) -> list[ModelBatch]:
        return [self.collate(r, packing) for r in self.collate.plan(groups, packing, bound)]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    path, tokenizer = tmp_path_factory.mktemp(request.param), build_tokenizer()
    small = TinyConfig(request.param, layers=2, vision_layers=2)
    model = build_model(small, tokenizer, seed=0)
    save_checkpoint(model, tokenizer, path)
    rng = np.random.default_rng(1)
    block = 28 if request.param == "qwen2_5_vl" else 32
    sizes = [(2, 2), (1, 4), (4, 3), (2, 2)]
    images = [
        Image.fromarray(rng.integers(0, 256, (h * block, w * block, 3), dtype=np.uint8))
        for h, w in sizes
    ]
    encoder = ChatEncoder(load_tokenizer(path))
    return Tiny(model.eval(), a_collator(path, model, encoder), VisionProcessor(path), images)


def build(tiny: Tiny, parts: list[Any], advantage: float) -> Trajectory:
    """A trajectory of parts: ``("text", ids)``, ``("said", ids)`` and ``("image", number)``."""
    ids, mask, images, counts = [9], [0], [], []
    for kind, what in parts:
        tokens = what
        if kind == "image":
            image = tiny.images[what]
            (count,) = tiny.vision([image]).tokens
            images.append(image)
            counts.append(count)
            tokens = [*[tiny.collate.image_pad] * count, 8]  # those of two images never touch
        ids += tokens
        mask += [int(kind == "said")] * len(tokens)
    return trajectory(
        ids=tuple(ids),
        mask=tuple(mask),
        logprobs=tuple(-0.1 * m for m in mask),
        images=tuple(images),
        image_tokens=tuple(counts),
        advantage=advantage,
    )


def alone(tiny: Tiny, t: Trajectory, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies by the model's own forward, unpadded, with its own positions."""
    ids = torch.tensor([t.ids])
    seen = tiny.vision([image.copy() for image in t.images]) if t.images else None
    shown = {"pixel_values": seen.patches, "image_grid_thw": seen.grid_thw} if seen else {}
    logits = tiny.model(
        input_ids=ids, mm_token_type_ids=(ids == tiny.collate.image_pad).int(), **shown
    ).logits[0]
    bias = torch.zeros(logits.shape[-1])
    bias[list(BANNED)] = BAN_BIAS
    places = [n for n, m in enumerate(t.mask) if m]
    known = ((logits + bias) / temperature).log_softmax(-1)
    values = known[[n - 1 for n in places]]
    entropy = -(values.exp() * values).sum(-1)
    return torch.stack([known[n - 1, t.ids[n]] for n in places]), entropy


def gradient(model: Any) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def check(tiny: Tiny, groups: list[list[Trajectory]], bound: int | None = None) -> None:
    """Trees and padded rows give what each trajectory alone gives, gradients too."""
    tiny.model.zero_grad()
    expected: dict[int, torch.Tensor] = {}
    for t in (t for group in groups for t in group):
        logp, _ = alone(tiny, t)
        (-(logp * t.advantage).sum()).backward()
        expected[id(t)] = logp.detach()
    whole = gradient(tiny.model)
    for packing, most in (("tree", bound), ("padded", 3)):
        tiny.model.zero_grad()
        for rows in tiny.collate.plan(groups, packing, most):  # type: ignore[arg-type]
            batch = tiny.collate(rows, packing)  # type: ignore[arg-type]
            logp, _ = sampled_logprobs(tiny.model, batch, Readout(BANNED))
            (-(logp * batch.advantages[batch.rows]).sum()).backward()
            parts = torch.cat([expected[id(t)] for row in rows for t in row.members])
            assert (logp - parts).abs().max() < 1e-5
        assert (gradient(tiny.model) - whole).norm() <= 1e-5 * whole.norm()


TEXT = st.lists(st.sampled_from([20, 21, 22, 23]), min_size=1, max_size=4)
TURN = st.tuples(st.sampled_from(["said", "text"]), TEXT)
PARTS = st.lists(st.one_of(TURN, st.tuples(st.just("image"), st.integers(0, 3))), max_size=5)


@settings(max_examples=12)
@given(data=st.data())
def test_random_groups_are_as_their_trajectories_alone(tiny: Tiny, data: st.DataObject) -> None:
    groups = []
    for _ in range(data.draw(st.integers(1, 3))):
        opening = data.draw(PARTS)
        rest = data.draw(st.lists(st.tuples(PARTS, TEXT), min_size=1, max_size=4))
        advantages = data.draw(st.permutations([1.0, -0.7, 0.3, -0.2]))
        groups.append(
            [
                build(tiny, [*opening, *parts, ("said", said)], advantages[n])
                for n, (parts, said) in enumerate(rest)
            ]
        )
    check(tiny, groups, data.draw(st.sampled_from([None, 8, 60])))


def a_group(tiny: Tiny) -> list[Trajectory]:
    """Several turns, up to three images, text behind them; one pair differs in an image alone."""
    opening = [("text", [20, 21]), ("image", 0), ("text", [22, 23])]
    asked = [*opening, ("said", [30, 31])]
    members = [
        [*opening, ("said", [40, 41])],
        [*opening, ("said", [40, 42, 43])],
        [*asked, ("image", 2), ("text", [24]), ("said", [44, 45])],
        [*asked, ("image", 1), ("text", [24]), ("said", [44, 45])],
        [*asked, ("image", 2), ("said", [30]), ("image", 3), ("text", [25, 26]), ("said", [46])],
    ]
    return [build(tiny, parts, 1.0 - 0.4 * n) for n, parts in enumerate(members)]


def test_several_turns_and_three_images(tiny: Tiny) -> None:
    group = a_group(tiny)
    other = [build(tiny, [("image", 3), ("said", [50, 51, 52])], 0.5)]
    check(tiny, [group, other])
    (batch,) = tiny.batches([group], "tree")
    assert len(batch.input_ids) == 1
    assert len(batch.predictors) < len(batch.targets), "one prediction serves several answers"
    distinct = {id(image) for t in group for image in t.images}
    assert len(batch.images.tokens) == len(distinct) == 4
    assert sorted(batch.images.shown) == [0, 1, 2, 3], "a place for each block of the tree"
    assert batch.input_ids.numel() < 0.6 * sum(len(t.ids) for t in group)


def test_a_tree_is_computed_whole_or_in_parts_of_bounded_size(tiny: Tiny) -> None:
    group = a_group(tiny)
    check(tiny, [group, group[:1]], 40)
    for batch in tiny.batches([group] * 3, "tree", 40):
        assert batch.input_ids.numel() <= 40 or len(batch.advantages) == 1
    (whole,) = tiny.batches([group] * 3, "tree", None)
    assert whole.input_ids.shape[0] == 3


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_either_attention_takes_the_mask(tiny: Tiny, attention: str) -> None:
    before = tiny.model.config._attn_implementation
    tiny.model.set_attn_implementation(attention)
    try:
        assert refuses_trees(tiny.model) is None
        check(tiny, [a_group(tiny)])
    finally:
        tiny.model.set_attn_implementation(before)


def test_models_that_cannot_take_a_mask_are_told_by_name(tiny: Tiny) -> None:
    text = tiny.model.config.get_text_config()
    kinds, attention = getattr(text, "layer_types", None), text._attn_implementation
    try:
        text.layer_types = ["full_attention", "sliding_attention"]
        assert refuses_trees(tiny.model) == "it has layers of sliding_attention"
        text._attn_implementation = "flash_attention_2"
        assert refuses_trees(tiny.model) == "its attention is 'flash_attention_2'"
    finally:
        text.layer_types, text._attn_implementation = kinds, attention


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
def test_parts_of_the_vocabulary_give_the_same(tiny: Tiny, temperature: float) -> None:
    group = a_group(tiny)
    (rows,) = tiny.collate.plan([group], "tree", None)
    batch = tiny.collate(rows, "tree")
    logp, entropy = zip(*(alone(tiny, t, temperature) for t in group), strict=True)
    expected_logp, expected_entropy = torch.cat(logp), torch.cat(entropy)
    tiny.model.zero_grad()
    (expected_logp.sum() + 0.3 * expected_entropy.sum()).backward()
    whole = gradient(tiny.model)
    for chunk in (1, 3 * tiny.model.lm_head.weight.shape[0], 2**26):
        tiny.model.zero_grad()
        readout = Readout(BANNED, temperature, "gradient", chunk)
        got, spread = sampled_logprobs(tiny.model, batch, readout)
        (got.sum() + 0.3 * spread.sum()).backward()
        torch.testing.assert_close(got, expected_logp, rtol=0, atol=1e-5)
        torch.testing.assert_close(spread, expected_entropy, rtol=1e-5, atol=1e-5)
        assert (gradient(tiny.model) - whole).norm() <= 1e-5 * whole.norm()


def test_all_logits_are_never_held_at_once(tiny: Tiny) -> None:
    (batch,) = tiny.batches([a_group(tiny)], "tree")
    vocabulary, seen = tiny.model.lm_head.weight.shape[0], list[int]()
    hook = tiny.model.lm_head.register_forward_hook(lambda _m, _i, out: seen.append(out.numel()))
    readout = Readout(BANNED, entropy="value", chunk=4 * vocabulary)
    logp, entropy = sampled_logprobs(tiny.model, batch, readout)
    kept = 4 * vocabulary

    def saved(tensor: torch.Tensor) -> torch.Tensor:
        assert tensor.numel() <= kept or tensor.shape == tiny.model.lm_head.weight.shape
        return tensor

    assert not entropy.requires_grad, "no gradient unless asked for"
    with torch.autograd.graph.saved_tensors_hooks(saved, lambda tensor: tensor):
        logp.sum().backward()
    hook.remove()
    assert len(seen) > 2
    assert max(seen) <= kept


def test_misaligned_images_are_refused(tiny: Tiny) -> None:
    (good,) = a_group(tiny)[:1]
    for wrong in ({"image_tokens": (3,)}, {"images": ()}, {"images": good.images * 2}):
        values = vars(good) | wrong
        with pytest.raises(AlignmentError, match="image placeholders"):
            tiny.collate.pack([Trajectory(**values)])


def test_a_batch_is_moved_whole(tiny: Tiny) -> None:
    (batch,) = tiny.batches([a_group(tiny)], "tree")
    moved = batch.to("meta")
    for name, value in vars(moved).items():
        if isinstance(value, torch.Tensor):
            assert value.device.type == "meta", name
    assert moved.images.patches.device.type == "meta"
    assert moved.tree_mask().device.type == "meta"


def test_a_checkpoint_with_qwen2_vl_takes_trees(tmp_path: Path) -> None:
    """Its rope index has the same face: no image, so that positions are plain."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    config = Qwen2VLConfig(
        text_config={
            "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": 64,
            "num_attention_heads": 2, "num_key_value_heads": 1,
            "rope_parameters": {"rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3],
                                "rope_theta": 1e4},
        },
        vision_config={"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2},
    )  # fmt: skip
    model = Qwen2VLForConditionalGeneration(config).eval()
    assert refuses_trees(model) is None
    from agents.grpo.packing.positions import Positions

    ids = np.array([1, 7, 7, 7, 7, 2, 3])
    got = Positions(model.model.get_rope_index, 7, 2)(ids, [(1, 4, 4)])
    expected, _ = model.model.get_rope_index(
        torch.tensor(ids)[None],
        mm_token_type_ids=torch.tensor(ids == 7)[None].int(),
        image_grid_thw=torch.tensor([[1, 4, 4]]),
    )
    assert got.tolist() == expected[:, 0].tolist()
