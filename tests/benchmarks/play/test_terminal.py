"""The game in a terminal, without one."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.play.session import Game
from benchmarks.play.terminal import half_blocks, play_in_terminal
from tests.benchmarks.play.games import ENOUGH, NEEDS, game_of, records, right

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def reader(*lines: str) -> Callable[[str], str]:
    left = iter(lines)

    def read(_prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read


def played(game: Game, folder: Path, *lines: str, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=100, force_terminal=terminal, color_system="truecolor" if terminal else None
    )
    try:
        play_in_terminal(game, reader(*lines), console, folder)
    except EOFError:
        out.write("EOF")
    return out.getvalue()


def test_a_whole_game(tmp_path: Path) -> None:
    game = game_of(tmp_path)
    said = played(game, Path("here"), "/ask", right(NEEDS), "nonsense")
    assert game.over and [t.outcome.correct for t in game.episodes] == [True, False]
    for words in (
        "A right answer earns 1", "Sample 1 of 2: here/000000-0.png", "Sample 2 of 2",
        "here/000000-1.png", "/ask: Returns the same image at a higher resolution. (costs 0.100)",
        "Right. Expected", "Wrong. Expected", "the sharper image was needed",
        "the low view was enough", "Reward 1.375",
    ):  # fmt: skip
        assert words in said
    assert "▀" not in said and "EOF" not in said


def test_lines_that_are_no_moves(tmp_path: Path) -> None:
    game = game_of(tmp_path, tools=("crop",), indices=(NEEDS,))
    said = played(game, tmp_path, "", "/ask", "/crop 1 a", "/crop", "/crop 0 0 40 40", "//ask")
    assert "Write an answer first." in said
    assert "There is no /ask now. To answer with it, write //ask" in said
    assert "Write /crop left top right bottom" in said
    assert "Choose a part of the image first." in said
    assert game.episodes[0].answer == "/ask" and game.episodes[0].outcome.requested


def test_what_was_played_when_the_lines_end_is_kept(tmp_path: Path) -> None:
    game = game_of(tmp_path)
    assert played(game, tmp_path, "1", "/ask").endswith("EOF")
    assert game.played == [NEEDS] != [NEEDS, ENOUGH]
    assert len(records(tmp_path).read_text().splitlines()) == 1


def test_a_terminal_with_colours_shows_the_image(tmp_path: Path) -> None:
    said = played(game_of(tmp_path, indices=(ENOUGH,)), tmp_path, "B", terminal=True)
    with Image.open(records(tmp_path).parent / "000000-0.png") as image:
        width, height = image.size
    assert said.count("▀") == width * height // 2


def picture(*rows: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.new("RGB", (len(rows[0]), len(rows)))
    image.putdata([pixel for row in rows for pixel in row])
    return image


def seen(text: object) -> str:
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system="truecolor").print(text, end="")
    return out.getvalue()


def test_half_blocks_hold_two_pixels_each() -> None:
    text = half_blocks(picture([RED, GREEN], [BLUE, WHITE]), 10)
    assert text.plain == "▀▀\n"
    styles = [span.style for span in text.spans]
    assert [(s.color.triplet, s.bgcolor.triplet) for s in styles] == [(RED, BLUE), (GREEN, WHITE)]  # type: ignore[union-attr]
    assert "38;2;255;0;0;48;2;0;0;255m▀" in seen(text)


def test_an_odd_last_row_stands_alone() -> None:
    text = half_blocks(picture([RED], [GREEN], [BLUE]), 10)
    assert text.plain == "▀\n▀\n"
    assert text.spans[-1].style.bgcolor is None  # type: ignore[union-attr]


@pytest.mark.parametrize(("size", "columns", "lines"), [((200, 100), 50, 13), ((300, 2), 30, 1)])
def test_wide_pictures_are_shrunk(size: tuple[int, int], columns: int, lines: int) -> None:
    text = half_blocks(Image.new("RGB", size, RED), columns)
    assert text.plain.splitlines() == ["▀" * columns] * lines
