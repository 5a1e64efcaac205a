"""From which size on type can be read: what decides whether a text needs high resolution."""

from __future__ import annotations

import numpy as np

from vt_env.tasks.task import Need

SMALL, LARGE = 11, 32
"""Type of at most `SMALL` pixels is lost in the halved image; from `LARGE` on it is legible."""
READABLE = 10
"""Pixels of type that can be read in the image shown."""
SIZES = {"need": (10, 11), "margin": (16, 26), "enough": (32, 40)}
"""Type sizes that scenes use, in pixels of the original, both ends included, by band."""
TOKEN = 28
"""Side of a visual token, in pixels shown. On small canvases, texts that questions tell apart
stand no closer: a small model looks them up by their place among the tokens."""
SHARES = {"need": 0.5, "margin": 0.1, "enough": 0.4}


def need_of_type(size: int) -> Need:
    """Whether type of `size` pixels needs high resolution; graded, with a margin between."""
    band: bool | None = None
    if size <= SMALL:
        band = True
    elif size >= LARGE:
        band = False
    said = {True: "lost", None: "in the margin", False: "legible"}[band]
    why = f"type of {size} pixels is {said} at {size / 2:g} pixels"
    return Need(band, "legibility", why, min(1.0, READABLE / size))


def draw_size(rng: np.random.Generator, largest: int) -> int:
    """Draws a type size of at most `largest` pixels (at least 10) from the bands.

    Where `largest` leaves room beyond a band's usual end, as on a large canvas, the band of legible
    type reaches up to it.
    """
    bands = [band for band, (low, _) in SIZES.items() if low <= largest]
    shares = np.array([SHARES[band] for band in bands])
    band = bands[int(rng.choice(len(bands), p=shares / shares.sum()))]
    low, high = SIZES[band]
    high = max(high, largest // 2) if band == "enough" else high
    return int(rng.integers(low, min(high, largest) + 1))
