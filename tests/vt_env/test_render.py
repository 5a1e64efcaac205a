"""Seeing an episode."""

import io
import itertools
import re
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from PIL import Image, ImageDraw

import vt_env
from judges import Verdict
from tests.vt_env.helpers import BAD_CALL, REQUEST, answer, memory_sample, new_episode, play
from vt_env.episode import Episode
from vt_env.protocol import Crop, to_text
from vt_env.render import (
    CROP_COLOR,
    FIRST_IMAGE,
    FRAME_SIZE,
    OPEN_COLOR,
    RIGHT_COLOR,
    THUMBNAIL,
    WRONG_COLOR,
    frame,
    render,
    terminal_picture,
    transcript,
)


def test_a_transcript_tells_the_whole_episode() -> None:
    episode = new_episode()
    play(episode, REQUEST, answer("Eileen Collins"))
    text = transcript(episode)
    assert text.index("<image 84x84>") < text.index("resize_image") < text.index("<image 168x168>")
    assert text.index("<image 168x168>") < text.index("<answer>Eileen Collins</answer>")
    assert "answered; 45 of 36 visual tokens" in text
    assert "token_cost -0.125" in text
    assert "accuracy +1.000" in text
    assert "format +0.500" in text


def test_a_transcript_names_faults_and_survives_hostile_text() -> None:
    episode = new_episode()
    play(episode, BAD_CALL)
    assert "turn 1;" in transcript(episode)
    assert "faults: bad_json" in transcript(episode)
    play(episode, "\ud800\x1b[2J\x00" + "x" * 50_000)
    text = transcript(episode)
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\\ud800\\x1b[2J\\x00xxx" in text
    assert len(text) < 5000
    assert "50006 characters" in text
    assert frame(episode).shape == (600, 960, 3)


@pytest.mark.parametrize("size", [(168, 168), (600, 40), (40, 600), (30, 30)])
def test_frames_have_one_size_and_show_the_images(size: tuple[int, int]) -> None:
    episode = new_episode(memory_sample(*size), max_turns=9, resolutions=(0.25, 0.5, 0.75, 1.0))
    frames = [frame(episode)]
    for _ in range(4):
        play(episode, REQUEST)
        frames.append(frame(episode))
    assert {f.shape for f in frames} == {(FRAME_SIZE[1], FRAME_SIZE[0], 3)}
    assert frames[0].dtype == np.uint8
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(frames))


def test_the_first_image_stands_in_the_frame_pixel_by_pixel() -> None:
    episode = new_episode(memory_sample(280, 280), resolutions=(1.0,))
    left, top = FIRST_IMAGE
    drawn = frame(episode)[top : top + THUMBNAIL, left : left + THUMBNAIL]
    assert np.array_equal(drawn, np.asarray(episode.observation.image))


CROP = to_text(Crop((20, 30, 60, 80)))


def column_of(episode: Episode, column: int) -> np.ndarray:
    left, top = FIRST_IMAGE[0] + column * (THUMBNAIL + 16), FIRST_IMAGE[1]
    return frame(episode)[top : top + THUMBNAIL, left : left + THUMBNAIL]


def marked(pixels: np.ndarray) -> tuple[int, int, int, int] | None:
    """The rectangle that holds all pixels of the crop's colour."""
    rows, columns = np.nonzero((pixels == CROP_COLOR).all(axis=-1))
    if not rows.size:
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_the_box_of_a_crop_is_marked_where_it_was_cut_out() -> None:
    episode = new_episode(memory_sample(), tools=("resize", "crop"), max_turns=4)
    play(episode, CROP)
    scale = THUMBNAIL / 84  # the first view has 84 x 84 pixels
    expected = tuple(round(value * scale) for value in (20, 30, 60, 80))
    assert marked(column_of(episode, 0)) == expected
    assert marked(column_of(episode, 1)) is None
    inside = column_of(episode, 0)[
        expected[1] + 6 : expected[3] - 6, expected[0] + 6 : expected[2] - 6
    ]
    plain = column_of(new_episode(memory_sample()), 0)
    assert np.array_equal(
        inside, plain[expected[1] + 6 : expected[3] - 6, expected[0] + 6 : expected[2] - 6]
    )


def test_each_crop_is_marked_in_the_image_that_it_was_cut_out_of() -> None:
    episode = new_episode(memory_sample(), tools=("resize", "crop"), max_turns=5)
    play(episode, REQUEST, CROP, to_text(Crop((-5, -5, 30, 9999))))
    assert marked(column_of(episode, 0)) == tuple(
        round(value * THUMBNAIL / 168) for value in (20, 30, 60, 80)
    )
    beyond = marked(column_of(episode, 1))  # the box is larger than the image it is cut out of
    assert beyond is not None
    assert beyond[:2] == (0, 0)
    assert beyond[2] < THUMBNAIL
    assert marked(column_of(episode, 2)) is None


@pytest.mark.parametrize("tools", [("resize",), ("resize", "crop")])
def test_a_crop_that_showed_nothing_is_not_marked(tools: tuple[str, ...]) -> None:
    episode = new_episode(memory_sample(), tools=tools, max_turns=4)
    play(episode, to_text(Crop((900, 900, 999, 999))) if "crop" in tools else CROP, REQUEST)
    assert marked(column_of(episode, 0)) is None


def test_a_frame_shows_the_question_and_the_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    said = written(monkeypatch)
    episode = new_episode(memory_sample(question="Who is she?", choices=("Ann", "Eve")))
    frame(episode)
    assert said[0].startswith("Who is she? ")
    assert "Ann" in said[0]
    assert "turn 0 of 2" in said
    assert "reward +0.000" in said
    assert not [text for text in said if "Eileen" in text or "right answer" in text]
    play(episode, REQUEST, answer("Eve"))
    said.clear()
    frame(episode)
    assert "wrong" in said
    assert "reward +0.375" in said
    assert "right answer: Eileen Collins" in said
    assert "answer: Eve" in said
    assert "45 of 36 visual tokens; token_cost -0.125, format +0.500, accuracy +0.000" in said


@pytest.mark.parametrize(
    ("score", "word", "color"),
    [
        (1.0, "right", RIGHT_COLOR),
        (0.75, "right (0.75)", RIGHT_COLOR),
        (0.25, "wrong (0.25)", WRONG_COLOR),
        (0.0, "wrong", WRONG_COLOR),
        (None, "abstained: timeout", OPEN_COLOR),
    ],
)
def test_a_frame_shows_the_verdict(
    score: float | None, word: str, color: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    episode = new_episode()
    episode.step(answer("Eve"))
    episode.settle(Verdict(score, None if score is not None else "timeout"))
    said = written(monkeypatch)
    pixels = frame(episode)
    assert word in said
    badges = {
        shade for shade in (RIGHT_COLOR, WRONG_COLOR, OPEN_COLOR) if (pixels == shade).all(-1).any()
    }
    assert badges == {color}


def test_an_episode_without_an_answer_shows_its_ending_and_the_right_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    episode = new_episode(memory_sample(answers=("one", "two", "three", "four", "five")))
    play(episode, REQUEST, REQUEST)
    said = written(monkeypatch)
    frame(episode)
    assert "turn limit" in said
    assert "answer: none" in said
    assert "right answer: one or two or three (or 2 more)" in said


def test_a_frame_keeps_its_lines_inside() -> None:
    wide = "W" * 400 + " 字" * 200
    episode = new_episode(memory_sample(question=wide, answers=(wide,)), max_turns=4)
    play(episode, BAD_CALL, answer(wide))
    pixels = frame(episode)
    paper = pixels[0, 0]
    assert (pixels[:, -12:] == paper).all()
    assert (pixels[-8:] == paper).all()


def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is drawn from now on; it is drawn all the same."""
    found: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def text(self: Any, xy: Any, text: str, *args: Any, **kwargs: Any) -> None:
        found.append(text)
        draw(self, xy, text, *args, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return found


def test_a_terminal_picture_has_two_pixels_a_character() -> None:
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    image.paste((0, 0, 255), (0, 4, 8, 8))
    lines = terminal_picture(image, columns=2).split("\n")
    assert len(lines) == 1
    assert lines[0].count("38;2;255;0;0;48;2;0;0;255m▀") == 2
    assert len(terminal_picture(Image.new("RGB", (1, 900)), columns=4).split("\n")) <= 8


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Terminal:
    """From now on the output is a terminal."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    return stream


def test_human_mode_prints_after_reset_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    env = vt_env.make(render_mode="human")
    env.reset(seed=0)
    first = terminal.getvalue()
    env.step(answer("red"))
    second = terminal.getvalue().removeprefix(first)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", first)
    assert plain != first
    assert "▀" in plain
    assert "turn 0" in plain
    assert "answered" in second
    assert env.render() is None


def test_human_mode_writes_no_escape_codes_off_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from gymnasium.utils.env_checker import check_env

    check_env(vt_env.make(render_mode="human").unwrapped)
    said = capsys.readouterr().out
    assert "turn 0" in said
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)
    assert len(said) < 20_000


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_human_mode_keeps_escape_codes_from_terminals_that_refuse_them(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = on_a_terminal(monkeypatch, **{name: value})
    vt_env.make(render_mode="human").reset(seed=0)
    assert "turn 0" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_human_mode_survives_any_output(monkeypatch: pytest.MonkeyPatch) -> None:
    episode = new_episode(memory_sample(sample_id="\x1b[2J", family="\x9b0m", question="Größe?"))
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    render(episode, "human")
    stream.seek(0)
    said = stream.read()
    assert "Gr\\xf6\\xdfe?" in said
    assert said.startswith("[\\x1b[2J, family \\x9b0m]")
    monkeypatch.setattr("sys.stdout", None)
    assert render(episode, "human") is None


def test_modes_of_the_vector_env() -> None:
    env: VectorEnv[Any, Any, Any] = gymnasium.make_vec(
        "VisionThink-v0", num_envs=2, render_mode="ansi"
    )
    assert env.render() == (None, None)
    env.reset(seed=0)
    texts: Any = env.render()
    assert texts is not None
    assert len(texts) == 2
    assert all("user: <image" in str(text) for text in texts)
    env.close()
