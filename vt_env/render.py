"""Pictures and transcripts of an episode: what was seen, what was written, what it earned."""

from __future__ import annotations

import functools
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vt_env.episode import Episode, Message
from vt_env.images.views import resample
from vt_env.protocol import Crop, parse

FRAME_SIZE = (960, 600)
"""Width and height of a rendered frame, in pixels, always the same."""
RENDER_MODES = ("rgb_array", "human", "ansi")
THUMBNAIL = 280
"""Side of the square that each image of a frame is fitted into, in pixels."""
FIRST_IMAGE = (16, 72)
"""Left and top of the first image in a frame, in pixels."""
CROP_COLOR, RIGHT_COLOR, WRONG_COLOR = (230, 0, 125), (22, 128, 60), (190, 30, 45)
OPEN_COLOR = (150, 110, 0)
"""Badge of what is neither right nor wrong: the episode goes on, or the judge abstained."""
_MARGIN, _TEXT, _TITLE, _LINE = 16, 14, 18, 18
_INK, _FAINT, _PAPER, _RULE = (30, 30, 40), (110, 110, 125), (252, 252, 250), (215, 215, 210)
_MAX_TEXT = 600
_TERMINAL_WIDTH = 64

_Color = tuple[int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def transcript(episode: Episode) -> str:
    """The episode as plain text: every turn in order, then ending, tokens and reward terms."""
    lines = [f"[{episode.sample.sample_id}, family {episode.sample.family}]"]
    for message in episode.messages:
        lines.append(f"{message.role}: {_flat(message)}")
    lines.append(_tally(episode))
    # Control characters, which could take over a terminal, are written out.
    text = "\n".join(lines)
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text) + "\n"


def _flat(message: Message) -> str:
    parts = [
        part if isinstance(part, str) else f"<image {part.width}x{part.height}>"
        for part in message.content
    ]
    text = " ".join(parts)
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}… ({len(text)} characters)"
    return text


def _tally(episode: Episode) -> str:
    state = str(episode.ending) if episode.ending else f"turn {episode.turn}"
    tokens = f"{episode.visual_tokens} of {episode.full_tokens} visual tokens"
    faults = f"; faults: {', '.join(episode.problems)}" if episode.problems else ""
    return f"({state}; {tokens}; reward: {_terms(episode) or 'none yet'}{faults})"


def _terms(episode: Episode) -> str:
    return ", ".join(f"{name} {value:+.3f}" for name, value in episode.reward_terms.items())


@dataclass
class _Shown:
    """An image of the conversation, and the part of it that was cut out next, in its pixels."""

    image: Image.Image
    cropped: bool = False
    box: tuple[float, float, float, float] | None = None


def frame(episode: Episode) -> npt.NDArray[np.uint8]:
    """Draws the episode: question, images (the latest last), turns, and what it came to.

    The part that a crop cut out is marked where it was cut from. At the end stand the verdict and
    the right answer.

    Returns:
        uint8 array of shape (600, 960, 3).
    """
    canvas = Image.new("RGB", FRAME_SIZE, _PAPER)
    draw = ImageDraw.Draw(canvas)
    width = FRAME_SIZE[0] - 2 * _MARGIN
    question = _wrap([episode.question], width, _font(_TITLE))
    if len(question) > 2:
        question[1] = f"{question[1]} …"
    _write(draw, question[:2], _MARGIN - 4, _INK, _font(_TITLE), _TITLE + 5)
    left, top = FIRST_IMAGE
    for shown in _images(episode)[-3:]:
        _draw_image(canvas, shown, left, top)
        left += THUMBNAIL + _MARGIN
    top += THUMBNAIL + 2 * _LINE
    bottom = FRAME_SIZE[1] - _MARGIN - _outcome_lines(draw, episode, width) * _LINE
    turns = [f"{m.role}: {_flat(m)}" for m in episode.messages if m.role != "system"]
    if len(question) <= 2:  # the first turn says what stands above the images
        del turns[0]
    lines = _wrap(turns, width, _font(_TEXT))
    room = (bottom - top) // _LINE
    _write(draw, lines[-room:], top, _INK, _font(_TEXT), _LINE)
    return np.array(canvas)


def _images(episode: Episode) -> list[_Shown]:
    """The images in order, each with the box that was cut out of it."""
    found: list[_Shown] = []
    box = None
    for message in episode.messages:
        if message.role == "assistant":
            action = parse(str(message.content[0]), episode.template.opens_thought)
            box = action.box if isinstance(action, Crop) else None
        for part in message.content:
            if not isinstance(part, str):
                if box is not None and found:
                    found[-1].box = box
                found.append(_Shown(part, cropped=box is not None))
                box = None
    return found


def _draw_image(canvas: Image.Image, shown: _Shown, left: int, top: int) -> None:
    draw, image = ImageDraw.Draw(canvas), shown.image
    thumbnail = _fit(image, THUMBNAIL)
    canvas.paste(thumbnail, (left, top))
    if shown.box is not None:
        across, down = thumbnail.width / image.width, thumbnail.height / image.height
        sides = (thumbnail.width - 1, thumbnail.height - 1)
        box = [
            start + min(max(round(value * scale), 0), limit)
            for value, scale, start, limit in zip(
                shown.box, (across, down) * 2, (left, top) * 2, sides * 2, strict=True
            )
        ]
        # A white rim, so that the mark is seen on any ground.
        draw.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), outline="white", width=5)
        draw.rectangle(tuple(box), outline=CROP_COLOR, width=3)
    label = f"{image.width} x {image.height}" + " (cut out)" * shown.cropped
    ink = CROP_COLOR if shown.cropped else _FAINT
    draw.text((left, top + THUMBNAIL + 4), label, fill=ink, font=_font(_TEXT))


def _outcome_lines(draw: ImageDraw.ImageDraw, episode: Episode, width: int) -> int:
    """Draws what the episode came to at the bottom of the frame; returns the lines that it took."""
    word, color = _verdict(episode)
    tokens = f"{episode.visual_tokens} of {episode.full_tokens} visual tokens"
    texts = [
        f"{tokens}; {_terms(episode) or 'no reward yet'}",
        *([f"faults: {', '.join(episode.problems)}"] if episode.problems else []),
    ]
    if episode.done:
        given = "none" if episode.answer is None else _short(episode.answer)
        accepted = " or ".join(_short(answer) for answer in episode.sample.answers[:3])
        more = len(episode.sample.answers) - 3
        texts = [
            f"right answer: {accepted}" + f" (or {more} more)" * (more > 0),
            f"answer: {given}",
            *texts,
        ]
    lines = _wrap(texts, width, _font(_TEXT))[-6:]
    rows = len(lines) + 2
    top = FRAME_SIZE[1] - _MARGIN - rows * _LINE
    draw.line((_MARGIN, top + 4, _MARGIN + width, top + 4), fill=_RULE)
    total = f"reward {sum(episode.reward_terms.values()):+.3f}"
    long = round(_font(_TITLE).getlength(word)) + 16
    draw.rounded_rectangle((_MARGIN, top + 11, _MARGIN + long, top + 35), 5, fill=color)
    draw.text((_MARGIN + 8, top + 12), word, fill="white", font=_font(_TITLE))
    draw.text((_MARGIN + long + 14, top + 12), total, fill=_INK, font=_font(_TITLE))
    _write(draw, lines, top + 2 * _LINE + 4, _INK, _font(_TEXT), _LINE)
    return rows


def _verdict(episode: Episode) -> tuple[str, _Color]:
    """What the judge said, in a word or two, and the colour that it is shown in."""
    if not episode.done:
        return f"turn {episode.turn} of {episode.config.max_turns}", OPEN_COLOR
    verdict = episode.verdict
    if verdict is None:  # no answer went to the judge
        return str(episode.ending).replace("_", " "), WRONG_COLOR
    if verdict.score is None:
        return f"abstained: {_short(str(verdict.abstained))}", OPEN_COLOR
    share = f" ({verdict.score:.2f})" * (0 < verdict.score < 1)
    return ("right" if verdict.correct else "wrong") + share, (
        RIGHT_COLOR if verdict.correct else WRONG_COLOR
    )


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _wrap(texts: Iterable[str], width: int, font: _Font) -> list[str]:
    """Breaks texts into lines of at most `width` pixels; what has no shape becomes a space."""
    lines: list[str] = []
    for text in texts:
        printable = "".join(c if c.isprintable() else " " for c in text)
        columns = max(1, width // 5)
        broken = textwrap.wrap(printable, columns)
        while broken and columns > 1 and max(map(font.getlength, broken)) > width:
            columns = max(1, int(columns * 0.9))
            broken = textwrap.wrap(printable, columns)
        lines += broken
    return lines


def _write(
    draw: ImageDraw.ImageDraw, lines: Sequence[str], top: int, ink: _Color, font: _Font, step: int
) -> None:
    for number, line in enumerate(lines):
        draw.text((_MARGIN, top + number * step), line, fill=ink, font=font)


@functools.cache
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)


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


def takes_pictures(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours, by its own word and its user's.

    ``NO_COLOR`` (https://no-color.org) and ``TERM=dumb`` refuse them.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(episode: Episode) -> None:
    """Prints the transcript, below a picture where the output is a terminal that takes one."""
    stream = sys.stdout
    if stream is None:  # as under pythonw
        return
    text = transcript(episode)
    if takes_pictures(stream):
        text = f"{terminal_picture(episode.observation.image)}\n{text}"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def render(episode: Episode | None, mode: str | None) -> npt.NDArray[np.uint8] | str | None:
    """What `Env.render` returns in a render mode; ``"human"`` prints, see `show`.

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
    show(episode)
    return None
