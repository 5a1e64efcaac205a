"""The game in a terminal: question, image (a file, and half blocks), and a line to answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from benchmarks.play.moves import MoveError
from benchmarks.play.session import Game, Look, Told

ASK, CROP = "/ask", "/crop"
MOST_COLUMNS = 112
"""Widest picture, in columns."""
UPPER_HALF = "▀"
NEEDS = {
    True: "the sharper image was needed",
    False: "the low view was enough",
    None: "whether the sharper image was needed is undecided",
}
VERDICTS = {True: "Right", False: "Wrong", None: "Not judged"}


def play_in_terminal(
    game: Game, read: Callable[[str], str], console: Console, folder: Path
) -> None:
    """Plays a game to its end.

    Args:
        game: The game.
        read: Asks for a line, such as `input`.
        console: Where everything is shown.
        folder: The game's folder, where the images are.

    Raises:
        EOFError: If there is no further line; so ends the game, too.
    """
    _print(console, game.rules)
    while not game.over:
        if game.told is not None:
            _print(console, *told_lines(game.told))
            game.go_on()
            continue
        assert game.look is not None
        _show(game.look, game.total, console, folder)
        _move(game, game.look, read, console)


def _show(look: Look, total: int, console: Console, folder: Path) -> None:
    console.print()
    _print(console, *look_lines(look, total, folder))
    if console.is_terminal and console.color_system in ("256", "truecolor"):
        console.print(half_blocks(look.image, min(console.width, MOST_COLUMNS)))


def _move(game: Game, look: Look, read: Callable[[str], str], console: Console) -> None:
    """Reads lines until one is a move that can be made."""
    while True:
        try:
            _do(game, look, read("> "))
            return
        except MoveError as error:
            _print(console, str(error))


def _do(game: Game, look: Look, line: str) -> None:
    word, *rest = line.split() or [""]
    if line.startswith("//"):
        game.answer(line.removeprefix("/"))
    elif not word.startswith("/"):
        game.answer(line)
    elif word == CROP:
        game.ask("crop", _numbers(rest))
    else:
        plain = {_word(move.tool): move.tool for move in look.moves if not move.takes_box}
        if word not in plain:
            raise MoveError(f"There is no {word} now. To answer with it, write /{line}")
        game.ask(plain[word])


def _word(tool: str) -> str:
    return ASK if tool == "resize" else f"/{tool}"


def _numbers(words: list[str]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise MoveError(f"Write {CROP} left top right bottom, in pixels.") from error


def look_lines(look: Look, total: int, folder: Path) -> list[str]:
    """What is said before a turn."""
    width, height = look.image.size
    lines = [
        f"Sample {look.number + 1} of {total}: {folder / look.file} ({width} x {height} pixels, "
        f"{look.visual_tokens} visual tokens, a full view: {look.full_tokens}; "
        f"{look.price:.3f} paid)",
        *([look.feedback] if look.feedback else []),
        look.question,
    ]
    for move in look.moves:
        word = f"{CROP} left top right bottom" if move.takes_box else _word(move.tool)
        price = "its price hangs on the part" if move.price is None else f"costs {move.price:.3f}"
        lines.append(f"  {word}: {move.about} ({price})")
    return lines


def told_lines(told: Told) -> list[str]:
    """What is said after a sample."""
    verdict = VERDICTS[told.correct] + (f" ({told.why_none})" if told.why_none else "")
    known = f" ({told.need_known_by})" if told.need_known_by else ""
    terms = ", ".join(f"{name} {value:+.3f}" for name, value in told.reward_terms.items())
    return [
        f"{verdict}. Expected: {told.expected}.",
        f"You {'asked' if told.requested else 'did not ask'}; {NEEDS[told.need]}{known}.",
        f"Reward {told.reward:.3f} ({terms}); {told.visual_tokens} visual tokens, a full view: "
        f"{told.full_tokens}.",
    ]


def _print(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def half_blocks(image: Image.Image, columns: int) -> Text:
    """A picture of characters, each two pixels: the upper half is one, the lower the other.

    Args:
        image: Mode RGB; it is shrunk to the columns, and never enlarged.
        columns: Width at most, at least 1.

    Returns:
        As many lines as half of the picture's pixel rows; an odd last row stands above nothing.
    """
    width = min(columns, image.width)
    height = max(1, round(image.height * width / image.width))
    small = image.resize((width, height), Image.Resampling.BOX) if width < image.width else image
    text = Text(no_wrap=True)
    for row in range(math.ceil(small.height / 2)):
        for column in range(width):
            text.append(UPPER_HALF, _style(small, column, 2 * row))
        text.append("\n")
    return text


def _style(image: Image.Image, column: int, row: int) -> Style:
    upper = Color.from_rgb(*image.getpixel((column, row)))  # type: ignore[misc]
    if row + 1 == image.height:
        return Style(color=upper)
    return Style(color=upper, bgcolor=Color.from_rgb(*image.getpixel((column, row + 1))))  # type: ignore[misc]
