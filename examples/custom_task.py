"""A task of one's own: any finite collection of samples, drawn when they are asked for.

    python examples/custom_task.py

A clock whose hour is plain at low resolution and whose minute hand, one pixel thin, is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

import vt_env
from vt_env import MemoryImage, Request, Sample, to_text

SIDE = 224


@dataclass(frozen=True)
class Clocks:
    """Clock faces; the same index gives the same sample."""

    name: str = "clocks"

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([7, index])
        hour, minute = int(rng.integers(12)), int(rng.integers(12)) * 5
        fine = bool(rng.integers(2))
        return Sample(
            sample_id=f"clock-{index}",
            question="What minute is it?" if fine else "What hour is it?",
            answers=(str(minute if fine else hour),),
            image=MemoryImage(draw_clock(hour, minute), f"clock {index}"),
            family="minute" if fine else "hour",
            kind="integer",
            needs_high_res=fine,
        )


def draw_clock(hour: int, minute: int) -> Image.Image:
    """Draws a clock with a thick hour hand and a hairline minute hand."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((4, 4, SIDE - 5, SIDE - 5), outline="black", width=3)
    for turn, length, width, ink in (
        (hour / 12, SIDE * 0.25, 9, "black"),
        (minute / 60, SIDE * 0.45, 1, (200, 200, 200)),
    ):
        angle = 2 * math.pi * turn
        tip = SIDE / 2 + length * math.sin(angle), SIDE / 2 - length * math.cos(angle)
        draw.line((SIDE / 2, SIDE / 2, *tip), fill=ink, width=width)
    return image


def main() -> dict[str, object]:
    """Looks at one clock; returns the info."""
    env = vt_env.make("VisionThink-v0", data=Clocks(), render_mode="ansi")
    _, info = env.reset(options={"sample_id": "clock-3"})
    env.step(to_text(Request(thought="The hand is thin.")))
    *_, info = env.step("<think>I see.</think><answer>30</answer>")
    print(env.render())
    return info


if __name__ == "__main__":
    main()
