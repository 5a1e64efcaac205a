"""Pictures and transcripts of an episode: what was seen, what was written, what it earned."""

from __future__ import annotations

import functools
import textwrap

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vt_env.episode import Episode, Message
from vt_env.images.views import resample

FRAME_SIZE = (960, 600)
"""Width and height of a rendered frame, in pixels, always the same."""
RENDER_MODES = ("rgb_array", "human", "ansi")
_MARGIN, _THUMBNAIL, _FONT_SIZE, _LINE = 16, 280, 14, 18
_INK, _FAINT, _PAPER = (30, 30, 40), (120, 120, 135), (252, 252, 250)
_MAX_TEXT = 600
_TERMINAL_WIDTH = 64


def transcript(episode: Episode) -> str:
    """The episode as plain text: every turn in order, then ending, tokens and reward terms."""
    lines = [f"[{episode.sample.sample_id}, family {episode.sample.family}]"]
    for message in episode.messages:
        lines.append(f"{message.role}: {_flat(message)}")
    lines.append(_tally(episode))
    return "\n".join(lines) + "\n"


def _flat(message: Message) -> str:
    parts = [
        part if isinstance(part, str) else f"<image {part.width}x{part.height}>"
        for part in message.content
    ]
    text = " ".join(parts)
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}… ({len(text)} characters)"
    # Control characters, which could take over a terminal, are written out.
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _tally(episode: Episode) -> str:
    terms = ", ".join(f"{name} {value:+.3f}" for name, value in episode.reward_terms.items())
    state = str(episode.ending) if episode.ending else f"turn {episode.turn}"
    tokens = f"{episode.visual_tokens} of {episode.full_tokens} visual tokens"
    faults = f"; faults: {', '.join(episode.problems)}" if episode.problems else ""
    return f"({state}; {tokens}; reward: {terms or 'none yet'}{faults})"


def frame(episode: Episode) -> npt.NDArray[np.uint8]:
    """Draws the episode: the images shown side by side, the latest last; the turns below.

    Returns:
        uint8 array of shape (600, 960, 3).
    """
    canvas = Image.new("RGB", FRAME_SIZE, _PAPER)
    draw = ImageDraw.Draw(canvas)
    shown = [part for m in episode.messages for part in m.content if isinstance(part, Image.Image)]
    for column, image in enumerate(shown[-3:]):
        left = _MARGIN + column * (_THUMBNAIL + _MARGIN)
        thumbnail = _fit(image, _THUMBNAIL)
        canvas.paste(thumbnail, (left, _MARGIN))
        label = f"{image.width} x {image.height}"
        draw.text((left, _MARGIN + _THUMBNAIL + 4), label, fill=_FAINT, font=_font())
    top = _MARGIN + _THUMBNAIL + 2 * _LINE
    columns = (FRAME_SIZE[0] - 2 * _MARGIN) // 8
    lines = [(line, _INK) for line in _wrapped(episode, columns)]
    tally = [(line, _FAINT) for line in textwrap.wrap(_tally(episode), columns)]
    room = (FRAME_SIZE[1] - top - _MARGIN) // _LINE - len(tally)
    for line, ink in lines[-room:] + tally:
        draw.text((_MARGIN, top), line, fill=ink, font=_font())
        top += _LINE
    return np.array(canvas)


def _wrapped(episode: Episode, columns: int) -> list[str]:
    lines: list[str] = []
    for message in episode.messages:
        if message.role != "system":
            text = f"{message.role}: {_flat(message)}"
            printable = "".join(c if c.isprintable() else " " for c in text)
            lines += textwrap.wrap(printable, columns)
    return lines


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT_SIZE)


def _fit(image: Image.Image, side: int) -> Image.Image:
    """Fits an image into a square; small ones are enlarged with their pixels left visible."""
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if scale > 1:
        return image.resize(size, Image.Resampling.NEAREST)
    return resample(image, size)


def terminal_picture(image: Image.Image, columns: int = _TERMINAL_WIDTH) -> str:
    """Draws an image with coloured half blocks, two pixels a character, for 24-bit terminals."""
    rows = max(2, round(image.height * columns / image.width / 2) * 2)
    rows = min(rows, 4 * columns)
    pixels = np.asarray(image.resize((columns, rows), Image.Resampling.BOX))  # (rows, columns, 3)
    lines = []
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        cells = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀"
            for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def render(episode: Episode | None, mode: str | None) -> npt.NDArray[np.uint8] | str | None:
    """What `Env.render` returns in a render mode; ``"human"`` prints a picture and the transcript.

    Args:
        episode: The episode; None before the first reset.
        mode: A mode in `RENDER_MODES`, or None, which renders nothing.
    """
    if episode is None or mode is None:
        return None
    if mode == "rgb_array":
        return frame(episode)
    if mode == "ansi":
        return transcript(episode)
    print(terminal_picture(episode.observation.image))
    print(transcript(episode))
    return None
