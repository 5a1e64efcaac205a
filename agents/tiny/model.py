"""Builds the tiny Qwen2.5-VL from its config: the real architecture, small numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vt_env.tokens import token_family

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration

FAMILY = "qwen2_5_vl"
MIN_TOKENS, MAX_TOKENS = 4, 64
"""Visual tokens of the smallest and the largest image that the tiny processor lets through."""


@dataclass(frozen=True)
class TinyConfig:
    """Size of the tiny model.

    Attributes:
        hidden: Width of the language model.
        ffn: Width of its feed-forward layers.
        layers: Its layers.
        heads: Its attention heads.
        kv_heads: Its key-value heads.
        vision_hidden: Width of the vision tower.
        vision_ffn: Width of its feed-forward layers.
        vision_layers: Its blocks, all with full attention.
        vision_heads: Its attention heads.
        init_std: Standard deviation of the initial weights. The usual 0.02 learns several times
            more slowly at this width.
    """

    hidden: int = 128
    ffn: int = 384
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    vision_hidden: int = 96
    vision_ffn: int = 256
    vision_layers: int = 3
    vision_heads: int = 4
    init_std: float = 0.08


def build_model(
    config: TinyConfig, tokenizer: PreTrainedTokenizerFast, seed: int
) -> Qwen2_5_VLForConditionalGeneration:
    """Builds the model with random weights (float32).

    Embeddings are untied: engines on a CPU keep a stale output layer when tied weights are updated.
    """
    from agents.compat import prepare_imports

    prepare_imports()
    import torch
    from transformers import (
        GenerationConfig,
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    eos, pad = _token_id(tokenizer, "<|im_end|>"), _token_id(tokenizer, "<|endoftext|>")
    model_config = Qwen2_5_VLConfig(
        text_config=_text_config(config, len(tokenizer), eos, pad),
        vision_config=_vision_config(config),
        tie_word_embeddings=False,
        image_token_id=_token_id(tokenizer, "<|image_pad|>"),
        video_token_id=_token_id(tokenizer, "<|video_pad|>"),
        vision_start_token_id=_token_id(tokenizer, "<|vision_start|>"),
        vision_end_token_id=_token_id(tokenizer, "<|vision_end|>"),
    )
    model = Qwen2_5_VLForConditionalGeneration(model_config).float()
    model.generation_config = GenerationConfig(eos_token_id=[eos, pad], pad_token_id=pad)
    return model


def save_checkpoint(
    model: Qwen2_5_VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    directory: Path,
) -> None:
    """Writes a Hugging Face directory that transformers and vLLM load as it is."""
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    rule = token_family(FAMILY)
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "size": {
            "shortest_edge": MIN_TOKENS * rule.block**2,
            "longest_edge": MAX_TOKENS * rule.block**2,
        },
        "patch_size": rule.patch,
        "temporal_patch_size": 2,
        "merge_size": rule.merge,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
    }
    path = directory / "preprocessor_config.json"
    path.write_text(json.dumps(processor, indent=1) + "\n", encoding="utf-8")


def _token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    found = tokenizer.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def _text_config(config: TinyConfig, vocab: int, eos: int, pad: int) -> dict[str, Any]:
    head = config.hidden // config.heads
    return {
        "vocab_size": vocab,
        "hidden_size": config.hidden,
        "intermediate_size": config.ffn,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": eos,
        "pad_token_id": pad,
        "initializer_range": config.init_std,
        "rope_parameters": {
            "rope_type": "default",
            "type": "mrope",
            "mrope_section": [head // 8, head * 3 // 16, head * 3 // 16],
            "rope_theta": 1e6,
        },
    }


def _vision_config(config: TinyConfig) -> dict[str, Any]:
    rule = token_family(FAMILY)
    return {
        "depth": config.vision_layers,
        "hidden_size": config.vision_hidden,
        "intermediate_size": config.vision_ffn,
        "num_heads": config.vision_heads,
        "patch_size": rule.patch,
        "spatial_merge_size": rule.merge,
        "temporal_patch_size": 2,
        "window_size": 112,
        "out_hidden_size": config.hidden,
        "fullatt_block_indexes": list(range(config.vision_layers)),
        "initializer_range": config.init_std,
    }
