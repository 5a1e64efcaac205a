"""Seeing an episode."""

import itertools
import re
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv
from PIL import Image

import vt_env
from tests.vt_env.helpers import BAD_CALL, REQUEST, answer, memory_sample, new_episode, play
from vt_env.render import FRAME_SIZE, frame, terminal_picture, transcript


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
    drawn = frame(episode)[16 : 16 + 280, 16 : 16 + 280]
    assert np.array_equal(drawn, np.asarray(episode.observation.image))


def test_a_terminal_picture_has_two_pixels_a_character() -> None:
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    image.paste((0, 0, 255), (0, 4, 8, 8))
    lines = terminal_picture(image, columns=2).split("\n")
    assert len(lines) == 1
    assert lines[0].count("38;2;255;0;0;48;2;0;0;255m▀") == 2
    assert len(terminal_picture(Image.new("RGB", (1, 900)), columns=4).split("\n")) <= 8


def test_human_mode_prints_after_reset_and_step(capsys: pytest.CaptureFixture[str]) -> None:
    env = vt_env.make(render_mode="human")
    env.reset(seed=0)
    first = capsys.readouterr().out
    env.step(answer("red"))
    second = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", first)
    assert "▀" in plain
    assert "turn 0" in plain
    assert "answered" in second
    assert env.render() is None


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
