"""Visual tokens as each family's processor counts them; importing this registers the families."""

from vt_env.tokens.family import (
    MAX_ASPECT_RATIO,
    TOKEN_FAMILIES,
    PixelLimits,
    Size,
    TokenFamily,
    token_family,
    visual_tokens,
)
from vt_env.tokens.qwen import BlockFamily, block_family, fit_size, prefill_flops
from vt_env.tokens.tiles import InternVLTiles, LlavaOneVisionTiles

for _name, _family in {
    "qwen2_vl": BlockFamily(14, 2, 56 * 56, 28 * 28 * 1280),
    "qwen2_5_vl": BlockFamily(14, 2, 56 * 56, 28 * 28 * 1280),
    "qwen3_vl": BlockFamily(16, 2, 65536, 16777216),
    "internvl": InternVLTiles(),
    "llava_onevision": LlavaOneVisionTiles(),
}.items():
    TOKEN_FAMILIES.register(_name, _family)

__all__ = [
    "MAX_ASPECT_RATIO",
    "TOKEN_FAMILIES",
    "BlockFamily",
    "InternVLTiles",
    "LlavaOneVisionTiles",
    "PixelLimits",
    "Size",
    "TokenFamily",
    "block_family",
    "fit_size",
    "prefill_flops",
    "token_family",
    "visual_tokens",
]
