"""Family ``objects``: one or two large coloured shapes; plain to see at any resolution."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from vt_env.tasks.base import Box, Element, Question

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 70, 220),
    "yellow": (230, 210, 40),
    "purple": (150, 50, 190),
    "orange": (240, 140, 30),
}
SHAPES = ("circle", "square", "triangle")


class ObjectsTask:
    """Coloured shapes. Questions: the colour of a shape, the shape of a colour."""

    name = "objects"

    def draw(self, canvas: Image.Image, box: Box, rng: np.random.Generator) -> Element:
        """Draws one shape that fills a quarter to a half of `box`."""
        color = str(rng.choice(list(COLORS)))
        shape = str(rng.choice(SHAPES))
        side = min(box[2] - box[0], box[3] - box[1])
        radius = int(rng.integers(int(side * 0.26), int(side * 0.38) + 1))
        slack = side // 2 - radius - 1
        x = (box[0] + box[2]) // 2 + int(rng.integers(-slack, slack + 1))
        y = (box[1] + box[3]) // 2 + int(rng.integers(-slack, slack + 1))
        ink = tuple(int(np.clip(c + rng.integers(-15, 16), 0, 255)) for c in COLORS[color])
        draw_shape(ImageDraw.Draw(canvas), shape, (x, y), radius, ink)
        questions = (
            Question(f"What color is the {shape}?", color, "text"),
            Question(f"What shape is {color}?", shape, "text"),
        )
        why = "a shape this large survives the downscale"
        return Element(self.name, questions, False, why)


def draw_shape(
    draw: ImageDraw.ImageDraw,
    shape: str,
    center: tuple[int, int],
    radius: int,
    ink: tuple[int, ...],
) -> None:
    """Draws a filled shape inside the square of half-side `radius` around `center`."""
    x, y = center
    corners = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(corners, fill=ink)
    elif shape == "square":
        draw.rectangle(corners, fill=ink)
    else:
        draw.polygon(
            [(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=ink
        )
