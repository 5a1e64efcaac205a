"""Supervised fine-tuning: the model learns to write what episodes that went well wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from agents.sft.algorithm import SFT
    from agents.sft.config import SFTOptions
    from agents.sft.demonstrations import Demonstration, read_demonstrations
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "agents.sft.algorithm": ("SFT",),
            "agents.sft.config": ("SFTOptions",),
            "agents.sft.demonstrations": (
                "Demonstration",
                "read_demonstrations",
            ),
        },
        extra="cpu",
    )

__all__ = ["SFT", "Demonstration", "SFTOptions", "read_demonstrations"]
