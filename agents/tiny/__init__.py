"""The embedded Qwen2.5-VL: built from a config, trained from scratch, shipped as a checkpoint."""

from pathlib import Path

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The shipped model: a normal Hugging Face directory."""
