"""Style of a scene: face, palette, paper and artefacts, drawn once for each scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vt_env.tasks.lettering import FACES, NOVEL_FACES, REGULAR, Face

Color = tuple[int, int, int]
COLORS: dict[str, Color] = {
    "red": (196, 72, 72),
    "green": (78, 168, 88),
    "blue": (76, 100, 194),
    "yellow": (198, 182, 70),
    "purple": (146, 76, 172),
    "orange": (198, 128, 66),
}
"""Named colours; no channel so dark or bright that hatching would clip."""
NOVEL_COLORS: dict[str, Color] = {
    "red": (182, 66, 92),
    "green": (108, 160, 70),
    "blue": (70, 128, 190),
    "yellow": (190, 172, 96),
    "purple": (122, 70, 160),
    "orange": (188, 108, 84),
}
"""Shades of the generalisation split, never trained on."""
JITTER = 8
MIRRORED_SHARE = 0.35
JPEG_SHARE, NOISE_SHARE = 0.25, 0.5


@dataclass(frozen=True)
class Style:
    """How a scene looks.

    Attributes:
        novel: Whether this is the generalisation split's: other faces, shades and layouts.
        mirrored: Whether what stands at the left and at the right changes places, where a reader
            would not mind; the novel layouts are mirrored throughout, and differ in more.
        face: Variation of the font.
        fine_face: The same for fine print, which is plain wherever it is learned, as most is.
        colors: Shade of each named colour.
        paper: Light background.
        ink: Dark colour of lines and type.
        noise: Largest deviation that the sensor adds, in grey levels.
        jpeg_quality: Quality of the JPEG that the scene went through, or None.
    """

    novel: bool
    mirrored: bool
    face: Face
    fine_face: Face
    colors: dict[str, Color]
    paper: Color
    ink: Color
    noise: int
    jpeg_quality: int | None


def draw_style(rng: np.random.Generator, novel: bool) -> Style:
    """Draws a style; `novel` styles share no face and no shade with the others."""
    faces, shades = (NOVEL_FACES, NOVEL_COLORS) if novel else (FACES, COLORS)
    moved = rng.integers(-JITTER, JITTER + 1, size=(len(shades), 3))
    colors = {
        name: _rgb(np.array(shade) + move)
        for (name, shade), move in zip(shades.items(), moved, strict=True)
    }
    paper = rng.integers(214, 232, size=3) if novel else rng.integers(234, 256, size=3)
    face = faces[int(rng.integers(len(faces)))]
    return Style(
        novel=novel,
        mirrored=novel or bool(rng.random() < MIRRORED_SHARE),
        face=face,
        fine_face=face if novel else REGULAR,
        colors=colors,
        paper=_rgb(paper),
        ink=_rgb(rng.integers(0, 60, size=3)),
        noise=int(rng.integers(1, 5)) if rng.random() < NOISE_SHARE else 0,
        jpeg_quality=int(rng.integers(80, 96)) if rng.random() < JPEG_SHARE else None,
    )


def _rgb(values: np.ndarray) -> Color:
    red, green, blue = (int(v) for v in values)
    return red, green, blue
