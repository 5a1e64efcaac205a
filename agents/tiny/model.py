"""Builds a tiny Qwen2.5-VL or Qwen3-VL from its config: the real architecture, small numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vt_env import ImageLimits, PlayDefaults, UnknownNameError, write_defaults
from vt_env.tokens import block_family

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

ARCHITECTURES = ("qwen2_5_vl", "qwen3_vl")
"""Token families that a tiny model can be built for."""
MIN_TOKENS, MAX_TOKENS = 4, 64
"""Visual tokens of the smallest and the largest image that the tiny processor lets through."""
DEFAULTS = PlayDefaults("brief", max_new_tokens=16, max_model_len=1024)
"""How the tiny model is played: it knows one prompt, and its turns are short."""


def tiny_limits(architecture: str) -> ImageLimits:
    """How the tiny processor sizes images."""
    area = block_family(architecture).block ** 2
    return ImageLimits(architecture, MIN_TOKENS * area, MAX_TOKENS * area)


@dataclass(frozen=True)
class TinyConfig:
    """Size of the tiny model.

    Attributes:
        architecture: One of `ARCHITECTURES`.
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

    architecture: str = "qwen2_5_vl"
    hidden: int = 128
    ffn: int = 384
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    vision_hidden: int = 128
    vision_ffn: int = 384
    vision_layers: int = 3
    vision_heads: int = 4
    init_std: float = 0.08

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise UnknownNameError("architecture", self.architecture, ARCHITECTURES)


def build_model(
    config: TinyConfig, tokenizer: PreTrainedTokenizerFast, seed: int
) -> PreTrainedModel:
    """Builds the model with random weights (float32).

    Embeddings are untied: engines on a CPU keep a stale output layer when tied weights are updated.
    """
    from agents.models.compat import prepare_imports

    prepare_imports()
    import torch
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    name = {"qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}[config.architecture]
    eos, pad = _token_id(tokenizer, "<|im_end|>"), _token_id(tokenizer, "<|endoftext|>")
    model_config = getattr(transformers, f"{name}Config")(
        text_config=_text_config(config, len(tokenizer), eos, pad),
        vision_config=_vision_config(config),
        tie_word_embeddings=False,
        image_token_id=_token_id(tokenizer, "<|image_pad|>"),
        video_token_id=_token_id(tokenizer, "<|video_pad|>"),
        vision_start_token_id=_token_id(tokenizer, "<|vision_start|>"),
        vision_end_token_id=_token_id(tokenizer, "<|vision_end|>"),
    )
    model: PreTrainedModel = getattr(transformers, f"{name}ForConditionalGeneration")(model_config)
    # The tower's weights hang on the seed alone, not on how many words the tokenizer knows.
    torch.manual_seed(seed)
    model.model.visual.apply(model._init_weights)
    model = model.float()
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=[eos, pad], pad_token_id=pad
    )
    return model


def save_checkpoint(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, directory: Path
) -> None:
    """Writes a Hugging Face directory that transformers and vLLM load as it is."""
    save_processor(str(model.config.model_type), directory)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def save_processor(architecture: str, directory: Path) -> None:
    """Writes how images become patches, and how the model is played, into a checkpoint's directory.

    Args:
        architecture: ``"qwen2_5_vl"`` or ``"qwen3_vl"``.
        directory: Where the checkpoint is, or will be; made if need be.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rule, limits = block_family(architecture), tiny_limits(architecture)
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": {"qwen2_5_vl": "Qwen2_5_VLProcessor", "qwen3_vl": "Qwen3VLProcessor"}[
            architecture
        ],
        "size": {
            "shortest_edge": limits.min_pixels,
            "longest_edge": limits.max_pixels,
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
    write_defaults(directory, DEFAULTS)


def _token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    found = tokenizer.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def _text_config(config: TinyConfig, vocab: int, eos: int, pad: int) -> dict[str, Any]:
    head = config.hidden // config.heads
    third = {"head_dim": head} if config.architecture == "qwen3_vl" else {}
    return third | {
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
        }
        | ({"mrope_interleaved": True} if config.architecture == "qwen3_vl" else {}),
    }


def _vision_config(config: TinyConfig) -> dict[str, Any]:
    rule = block_family(config.architecture)
    common = {
        "depth": config.vision_layers,
        "hidden_size": config.vision_hidden,
        "intermediate_size": config.vision_ffn,
        "num_heads": config.vision_heads,
        "patch_size": rule.patch,
        "spatial_merge_size": rule.merge,
        "temporal_patch_size": 2,
        "out_hidden_size": config.hidden,
        "initializer_range": config.init_std,
    }
    if config.architecture == "qwen3_vl":
        side = 2 * round(MAX_TOKENS**0.5)  # of the largest image, in patches
        return common | {
            "num_position_embeddings": side * side,
            "deepstack_visual_indexes": [config.vision_layers - 1],
        }
    return common | {
        "window_size": 112,
        "fullatt_block_indexes": list(range(config.vision_layers)),
    }
