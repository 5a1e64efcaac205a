"""Suite ``starter``: three simple families in the quadrants of a small image.

It is what the shipped tiny model knows: a large shape, a two-digit number, a patch of stripes.
One of them is asked about; the others may stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vt_env.tasks.base import Box, Need, Question

CANVAS = 112
"""Side of the images that the shipped model was trained on, in pixels."""
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 70, 220),
    "yellow": (230, 210, 40),
    "purple": (150, 50, 190),
    "orange": (240, 140, 30),
}
SHAPES = ("circle", "square", "triangle")
SIZES = {"need": (13, 15), "margin": (18, 28), "enough": (34, 42)}
"""Type sizes of numbers in pixels of the original, both ends included, by band."""
BAND_SHARES = {"need": 0.4, "margin": 0.2, "enough": 0.4}
DIRECTIONS = ("horizontal", "vertical")
FADE = 20
"""Border over which the contrast of stripes fades, in pixels: else the filter would ring there."""
DISTRACTOR_SHARE = 0.5
"""Chance that a family that is not asked about is drawn all the same."""


@dataclass(frozen=True)
class StarterScene:
    """A drawn scene, and the question about it."""

    family: str
    drawn: Image.Image
    question: Question

    def image(self) -> Image.Image:
        """The image, mode RGB; the caller's own."""
        return self.drawn.copy()


def draw_starter(
    rng: np.random.Generator, canvas: int, families: tuple[str, ...] = ()
) -> StarterScene:
    """Draws a scene: the asked family and distractors, each in its own quadrant.

    Args:
        rng: The only source of randomness.
        canvas: Side of the image, in pixels.
        families: Families to choose from; empty: all.
    """
    families = families or tuple(STARTERS)
    background = tuple(int(c) for c in rng.integers(225, 256, size=3))
    image = Image.new("RGB", (canvas, canvas), background)
    asked = families[int(rng.integers(len(families)))]
    others = [name for name in STARTERS if name != asked and rng.random() < DISTRACTOR_SHARE]
    half = canvas // 2
    quadrants = rng.permutation(4)
    questions: list[list[Question]] = []
    for place, name in zip(quadrants, [asked, *others], strict=False):
        x, y = int(place) % 2 * half, int(place) // 2 * half
        questions.append(STARTERS[name](image, (x, y, x + half, y + half), rng))
    question = questions[0][int(rng.integers(len(questions[0])))]
    return StarterScene(asked, image, question)


def draw_shape(canvas: Image.Image, box: Box, rng: np.random.Generator) -> list[Question]:
    """Draws one coloured shape that fills a quarter to a half of `box`."""
    color = str(rng.choice(list(COLORS)))
    shape = str(rng.choice(SHAPES))
    side = min(box[2] - box[0], box[3] - box[1])
    radius = int(rng.integers(int(side * 0.26), int(side * 0.38) + 1))
    slack = side // 2 - radius - 1
    x = (box[0] + box[2]) // 2 + int(rng.integers(-slack, slack + 1))
    y = (box[1] + box[3]) // 2 + int(rng.integers(-slack, slack + 1))
    ink = tuple(int(np.clip(c + rng.integers(-15, 16), 0, 255)) for c in COLORS[color])
    draw, corners = ImageDraw.Draw(canvas), (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(corners, fill=ink)
    elif shape == "square":
        draw.rectangle(corners, fill=ink)
    else:
        top, left, right = (x, y - radius), (x - radius, y + radius), (x + radius, y + radius)
        draw.polygon([top, left, right], fill=ink)
    need = Need(False, "plain", "a shape this large survives the halving", 0.5)
    return [
        Question(f"What color is the {shape}?", color, "text", need, box),
        Question(f"What shape is {color}?", shape, "text", need, box),
    ]


def draw_number(canvas: Image.Image, box: Box, rng: np.random.Generator) -> list[Question]:
    """Draws one two-digit number, large or small, at a random place of `box`."""
    band = str(rng.choice(list(SIZES), p=list(BAND_SHARES.values())))
    low, high = SIZES[band]
    size = int(rng.integers(low, high + 1))
    text = f"{int(rng.integers(0, 100)):02d}"
    ink = tuple(int(c) for c in rng.integers(0, 90, size=3))
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    x = int(rng.integers(box[0] + 1, box[2] - int(right - left) - 1))
    y = int(rng.integers(box[1] + 1, box[3] - int(bottom - top) - 1))
    ImageDraw.Draw(canvas).text((x - left, y - top), text, fill=ink, font=font)
    high_res = {"need": True, "margin": None, "enough": False}[band]
    why = f"{size}-pixel type: {band}"
    need = Need(high_res, "legibility", why, min(1.0, SIZES["need"][0] / size))
    return [Question("What number is shown?", text, "integer", need, box)]


def draw_stripes(canvas: Image.Image, box: Box, rng: np.random.Generator) -> list[Question]:
    """Draws one square patch of stripes a pixel wide inside `box`."""
    direction = str(rng.choice(DIRECTIONS))
    room = min(box[2] - box[0], box[3] - box[1])
    side = 2 * int(rng.integers(int(room * 0.38), int(room * 0.46) + 1))
    x = box[0] + 2 * int(rng.integers(0, (room - side) // 2 + 1))
    y = box[1] + 2 * int(rng.integers(0, (room - side) // 2 + 1))
    mean = rng.integers(110, 146, size=3)
    contrast = int(rng.integers(40, 61))
    canvas.paste(Image.fromarray(stripes(side, direction, mean, contrast)), (x, y))
    why = "stripes one pixel wide average to the same grey whichever way they run"
    need = Need(True, "counterfactual", why, 1.0)
    return [Question("Which way do the stripes run?", direction, "text", need, box)]


def stripes(side: int, direction: str, mean: np.ndarray, contrast: int) -> np.ndarray:
    """A patch of lines one pixel wide, uint8 (side, side, 3).

    Args:
        side: Side of the patch, in pixels.
        direction: One of `DIRECTIONS`.
        mean: Mean colour, (3,), integers.
        contrast: Grey levels that lines lie above or below the mean at full contrast.
    """
    edge = np.minimum(np.arange(side), np.arange(side)[::-1])  # (side,)
    ramp = np.clip(edge / FADE, 0.0, 1.0)
    smooth = ramp * ramp * (3 - 2 * ramp)
    fade = smooth[:, None] * smooth[None, :]  # (side, side), symmetric
    sign = np.where(np.arange(side) % 2 == 0, 1.0, -1.0)
    wave = sign[:, None] if direction == "horizontal" else sign[None, :]
    levels = np.rint(contrast * fade) * wave  # (side, side)
    patch: np.ndarray = (mean[None, None, :] + levels[:, :, None]).astype(np.uint8)
    return patch


STARTERS: dict[str, Callable[[Image.Image, Box, np.random.Generator], list[Question]]] = {
    "objects": draw_shape,
    "numbers": draw_number,
    "stripes": draw_stripes,
}
"""The families, by name."""
