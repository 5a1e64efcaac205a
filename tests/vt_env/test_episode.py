"""The state machine: every ending, every reward term, real pixels."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from judges import Verdict
from tests.vt_env.helpers import (
    BAD_CALL,
    CALL,
    REQUEST,
    SAMPLE,
    answer,
    memory_sample,
    new_episode,
    play,
)
from vt_env.episode import Ending, EpisodeConfig
from vt_env.errors import ConfigError
from vt_env.images.regions import Region, crop_region
from vt_env.images.views import MemoryImage
from vt_env.rewards import Outcome

RIGHT, WRONG = answer("Eileen Collins"), answer("Buzz Aldrin")
LOW, FULL = 9, 36  # tokens of a 168 x 168 image, halved and whole
NO_THINK = "<answer>Eileen Collins</answer>"
# Outcomes: correct, requested, well formed.
DIRECT, MISSED = (True, False, True), (False, False, True)
ASKED, ASKED_MISSED = (True, True, True), (False, True, True)
DIRECT_ILL, ASKED_ILL = (True, False, False), (True, True, False)
LOST, ASKED_LOST = (False, False, False), (False, True, False)
CHEAP, DEAR = -0.1 * LOW / FULL, -0.1 * (LOW + FULL) / FULL


def total(history: list[dict[str, float]]) -> dict[str, float]:
    names = {name for terms in history for name in terms}
    return {name: sum(terms.get(name, 0.0) for terms in history) for name in names}


@pytest.mark.parametrize(
    ("turns", "ending", "terms", "outcome", "problems"),
    [
        ([RIGHT], "answered", (1.0, 0.5, CHEAP), DIRECT, []),
        ([WRONG], "answered", (0.0, 0.5, CHEAP), MISSED, []),
        ([REQUEST, RIGHT], "answered", (1.0, 0.5, DEAR), ASKED, []),
        ([REQUEST, WRONG], "answered", (0.0, 0.5, DEAR), ASKED_MISSED, []),
        ([NO_THINK], "answered", (1.0, 0.0, CHEAP), DIRECT_ILL, ["no_think"]),
        ([CALL, RIGHT], "answered", (1.0, 0.0, DEAR), ASKED_ILL, ["no_think"]),
        ([REQUEST, REQUEST], "turn_limit", (None, 0.0, DEAR), ASKED_LOST, ["no_higher_resolution"]),
        ([BAD_CALL, RIGHT], "answered", (1.0, 0.0, CHEAP), DIRECT_ILL, ["bad_json"]),
        ([BAD_CALL, REQUEST], "turn_limit", (None, 0.0, CHEAP), LOST, ["bad_json", "turn_limit"]),
        ([BAD_CALL, BAD_CALL], "turn_limit", (None, 0.0, CHEAP), LOST, ["bad_json", "bad_json"]),
        (["I do not know."], "malformed", (None, 0.0, CHEAP), LOST, ["no_action"]),
        ([REQUEST, "Hm."], "malformed", (None, 0.0, DEAR), ASKED_LOST, ["no_action"]),
        ([RIGHT + CALL, RIGHT], "answered", (1.0, 0.0, CHEAP), DIRECT_ILL, ["answer_and_call"]),
        (["x" * 101], "too_long", (None, 0.0, CHEAP), LOST, ["too_long"]),
    ],
)  # fmt: skip
def test_every_course_of_an_episode(
    turns: list[str],
    ending: str,
    terms: tuple[float | None, float, float],
    outcome: tuple[bool, bool, bool],
    problems: list[str],
) -> None:
    """Terms are accuracy (None: no such term), format and token cost over the whole episode."""
    longest = 100 if "x" * 101 in turns else 1000
    episode = new_episode(max_action_chars=longest)
    history = play(episode, *turns)
    assert episode.done
    assert episode.ending == ending
    expected = dict(zip(("accuracy", "format", "token_cost"), terms, strict=True))
    assert total(history) == pytest.approx({k: v for k, v in expected.items() if v is not None})
    assert episode.reward_terms == pytest.approx(total(history))
    found = episode.outcome
    assert (found.correct, found.requested, found.well_formed) == outcome
    assert found.needs_high_res is True
    assert episode.problems == problems
    assert episode.turn == len(turns)


def test_tokens_are_paid_with_the_turn_that_delivered_them() -> None:
    assert play(new_episode(), REQUEST, RIGHT) == [
        {"token_cost": pytest.approx(DEAR)},
        {"format": 0.5, "accuracy": 1.0},
    ]
    history = play(new_episode(max_turns=3), BAD_CALL, REQUEST, RIGHT)
    assert [terms.get("token_cost") for terms in history] == [
        pytest.approx(CHEAP),
        pytest.approx(-0.1),
        None,
    ]


def test_a_cut_off_turn_is_not_read() -> None:
    episode = new_episode()
    transition = episode.step(RIGHT, cut_off=True)
    assert transition.done
    assert transition.case is None
    assert (episode.ending, episode.problems) == (Ending.CUT_OFF, ["cut_off"])


def test_an_episode_can_be_stopped_from_outside() -> None:
    episode = new_episode()
    play(episode, REQUEST)
    transition = episode.stop(Ending.CONTEXT_LIMIT)
    assert transition.done
    assert (episode.ending, episode.problems) == (Ending.CONTEXT_LIMIT, ["context_limit"])
    assert episode.outcome.correct is False
    with pytest.raises(RuntimeError, match="over"):
        episode.stop(Ending.CONTEXT_LIMIT)


def test_an_abstention_is_not_a_zero() -> None:
    episode = new_episode()
    transition = episode.step(RIGHT)
    assert transition.case is not None
    assert episode.settle(Verdict(None, "timeout")) == {}
    assert episode.ending is Ending.ABSTAINED
    assert episode.outcome.correct is None
    assert "accuracy" not in episode.reward_terms


def test_partial_scores_scale_the_accuracy_term() -> None:
    episode = new_episode()
    episode.step(RIGHT)
    assert episode.settle(Verdict(0.75)) == {"accuracy": 0.75}


def test_the_case_holds_what_the_judge_needs_and_nothing_of_the_tags() -> None:
    sample = memory_sample(kind="choice", choices=("cat", "dog"), tolerance=0.5)
    case = new_episode(sample).step(answer(" B ")).case
    assert case is not None
    assert (case.question, case.references) == (SAMPLE.question, SAMPLE.answers)
    assert (case.prediction, case.kind) == ("B", "choice")
    assert (case.choices, case.tolerance) == (("cat", "dog"), 0.5)


def test_invalid_calls_can_end_the_episode() -> None:
    episode = new_episode(invalid_call="end")
    play(episode, BAD_CALL)
    assert (episode.ending, episode.problems) == (Ending.MALFORMED, ["bad_json"])


def test_one_turn_leaves_no_room_for_a_request() -> None:
    episode = new_episode(max_turns=1)
    play(episode, REQUEST)
    assert episode.ending is Ending.TURN_LIMIT
    assert episode.visual_tokens == LOW
    answered = new_episode(max_turns=1)
    play(answered, RIGHT)
    assert answered.ending is Ending.ANSWERED


def test_an_episode_that_is_over_takes_no_turn() -> None:
    episode = new_episode()
    play(episode, RIGHT)
    with pytest.raises(RuntimeError, match="over"):
        episode.step(RIGHT)


def test_the_conversation_alternates_and_holds_the_images_shown() -> None:
    episode = new_episode()
    play(episode, REQUEST, RIGHT)
    assert [message.role for message in episode.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    images = [p for m in episode.messages for p in m.content if isinstance(p, Image.Image)]
    assert [image.size for image in images] == [(84, 84), (168, 168)]
    assert episode.messages[2].content == (REQUEST,)
    texts = [part for part in episode.messages[3].content if isinstance(part, str)]
    assert texts[0] == "<tool_response>"
    assert texts[1].startswith("</tool_response>")


def test_an_invalid_call_gets_its_error_as_feedback() -> None:
    episode = new_episode()
    before = episode.observation
    play(episode, BAD_CALL)
    after = episode.observation
    assert before.feedback == ""
    assert "not valid JSON" in after.feedback
    assert after.image is before.image
    assert (after.turn, after.visual_tokens) == (1, LOW)
    assert "not valid JSON" in str(episode.messages[-1].content[0])


def test_a_request_shows_the_original_pixels() -> None:
    """A checkerboard of single pixels is grey at half size and itself at full size."""
    board = np.indices((168, 168)).sum(axis=0) % 2 * 255
    image = Image.fromarray(board.astype(np.uint8)).convert("RGB")
    episode = new_episode(replace(SAMPLE, image=MemoryImage(image)))
    low = np.asarray(episode.observation.image)
    assert int(low[5:-5, 5:-5].max()) - int(low[5:-5, 5:-5].min()) <= 2
    play(episode, REQUEST)
    assert np.array_equal(np.asarray(episode.observation.image), np.asarray(image))


def call(name: str, **arguments: Any) -> str:
    body = json.dumps({"name": name, "arguments": arguments})
    return f"<think>unclear</think><tool_call>{body}</tool_call>"


def resize(scale: float) -> str:
    return call("resize_image", action="resize", scale=scale)


def crop(*box: float) -> str:
    return call("crop_image", box=list(box))


LADDER: dict[str, Any] = {"resolutions": (0.25, 0.5, 1.0), "max_turns": 6}


def test_a_ladder_is_climbed_level_by_level_or_at_a_leap() -> None:
    episode = new_episode(memory_sample(448, 448), **LADDER)
    sizes = [episode.observation.image.size]
    for _ in range(2):
        play(episode, REQUEST)
        sizes.append(episode.observation.image.size)
    assert sizes == [(112, 112), (224, 224), (448, 448)]
    assert episode.visual_tokens == 16 + 64 + 256
    assert episode.reward_terms["token_cost"] == pytest.approx(-0.1 * (16 + 64 + 256) / 256)
    leap = new_episode(memory_sample(448, 448), **LADDER)
    play(leap, resize(0.9))
    assert leap.observation.image.size == (448, 448)
    step = new_episode(memory_sample(448, 448), **LADDER)
    play(step, resize(0.5))
    assert step.observation.image.size == (224, 224)


@pytest.mark.parametrize(
    "turns", [[REQUEST, REQUEST, REQUEST], [resize(0.25)], [resize(1), resize(0.5)]]
)
def test_requests_for_nothing_higher_get_feedback(turns: list[str]) -> None:
    episode = new_episode(memory_sample(448, 448), **LADDER)
    play(episode, *turns)
    assert episode.problems == ["no_higher_resolution"]
    assert not episode.done
    tokens = episode.visual_tokens
    play(episode, RIGHT)
    assert episode.visual_tokens == tokens


def test_an_image_too_small_to_halve_has_nothing_higher() -> None:
    episode = new_episode(memory_sample(40, 40))
    play(episode, REQUEST)
    assert (episode.requested, episode.problems) == (False, ["no_higher_resolution"])
    assert episode.visual_tokens == episode.full_tokens == 4


def test_levels_of_one_size_are_skipped() -> None:
    episode = new_episode(memory_sample(112, 112), **LADDER)  # 28 and 56 both show 56 x 56
    assert episode.observation.image.size == (56, 56)
    play(episode, REQUEST)
    assert episode.observation.image.size == (112, 112)


def numbered() -> Image.Image:
    """Every pixel knows its place: red is its column, green its row."""
    columns, rows = np.meshgrid(np.arange(224), np.arange(224))
    return Image.fromarray(np.stack([columns, rows, rows * 0], axis=2).astype(np.uint8))


CROPS: dict[str, Any] = {"tools": ("resize", "crop"), "max_turns": 6}


def test_a_crop_comes_from_the_original_pixels_in_the_coordinates_last_shown() -> None:
    episode = new_episode(replace(SAMPLE, image=MemoryImage(numbered())), **CROPS)
    assert episode.observation.image.size == (112, 112)
    play(episode, crop(28, 14, 84, 70))  # doubled: columns 56 to 168, rows 28 to 140
    shown = np.asarray(episode.observation.image)
    assert shown.shape == (112, 112, 3)
    assert np.array_equal(shown, np.asarray(numbered())[28:140, 56:168])
    assert episode.visual_tokens == 16 + 16
    play(episode, crop(0, 0, 56, 56))  # in the crop's own pixels, now those of the original
    shown = np.asarray(episode.observation.image)
    assert np.array_equal(shown, np.asarray(numbered())[28:84, 56:112])
    assert episode.requested
    assert episode.well_formed
    play(episode, REQUEST)
    assert np.array_equal(np.asarray(episode.observation.image), np.asarray(numbered()))
    play(episode, crop(0, 0, 56, 56))
    assert np.asarray(episode.observation.image).max() == 55
    play(episode, RIGHT)
    assert episode.outcome == Outcome(True, True, True, True, deliveries=4)


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((-50, -50, 500, 500), None),
        ((100, 100, 5000, 5000), None),
        ((0.2, 0.2, 0.3, 0.3), None),  # less than a pixel is widened to one
        ((112, 0, 120, 10), "bad_box"),
        ((-9, 0, 0, 10), "bad_box"),
        ((0, 0, 0, 10), "bad_arguments"),
        ((10, 0, 5, 10), "bad_arguments"),
        ((0, 0, 112, 0.3), "bad_box"),  # 224 x 1 pixels
    ],
)
def test_boxes_at_the_edge(box: tuple[float, ...], problem: str | None) -> None:
    episode = new_episode(replace(SAMPLE, image=MemoryImage(numbered())), **CROPS)
    play(episode, crop(*box))
    assert episode.problems == ([problem] if problem else [])
    assert episode.requested == (problem is None)


@pytest.mark.parametrize(
    ("tools", "text", "problem"),
    [
        (("resize",), crop(0, 0, 9, 9), "crop_not_offered"),
        (("crop",), REQUEST, "resize_not_offered"),
        ((), REQUEST, "resize_not_offered"),
    ],
)
def test_tools_that_are_not_offered(tools: tuple[str, ...], text: str, problem: str) -> None:
    episode = new_episode(tools=tools)
    play(episode, text)
    assert episode.problems == [problem]


def test_a_crop_in_the_last_turn_is_a_turn_limit() -> None:
    episode = new_episode(tools=("crop",), max_turns=1)
    play(episode, crop(0, 0, 50, 50))
    assert (episode.ending, episode.visual_tokens) == (Ending.TURN_LIMIT, LOW)


@given(
    box=st.tuples(*[st.floats(-200, 400)] * 4),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_every_region_lies_inside_the_original_and_covers_the_box(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    original = (700, 500)
    whole = Region(0.0, 0.0, 700.0, 500.0)
    region = crop_region(whole, size, box, original)
    if isinstance(region, str):
        return
    assert 0 <= region.left < region.right <= 700
    assert 0 <= region.top < region.bottom <= 500
    across = 700 / size[0]
    assert region.left <= max(0.0, box[0]) * across + 1e-5
    assert region.right >= min(size[0], box[2]) * across - 1e-5
    assert region.right - region.left <= (box[2] - box[0]) * across + 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resolutions": ()}, "resolutions"),
        ({"resolutions": (0.5,)}, "resolutions"),
        ({"resolutions": (1.0, 0.5)}, "resolutions"),
        ({"resolutions": (0.5, 0.5, 1.0)}, "resolutions"),
        ({"resolutions": (0.0, 1.0)}, "resolutions"),
        ({"resolutions": (0.5, 2.0)}, "resolutions"),
        ({"max_turns": 0}, "max_turns"),
        ({"invalid_call": "raise"}, "invalid_call"),
        ({"max_action_chars": 0}, "max_action_chars"),
        ({"max_turns": 2.5}, "max_turns"),
        ({"resolutions": ("h", 1.0)}, "resolutions"),
    ],
)
def test_impossible_rules_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EpisodeConfig(**settings)


@pytest.mark.parametrize("told", ["much", 1.5, float("nan"), [1]])
def test_a_benefit_of_asking_that_cannot_be_is_refused(told: object) -> None:
    sample = memory_sample()
    assert replace(sample, meta={"tool_benefit": "0.5"}).tool_benefit == 0.5
    assert replace(sample, meta={"tool_benefit": ""}).tool_benefit is None
    with pytest.raises(ConfigError, match=r"tool_benefit must be a number in \[-1, 1\]"):
        replace(sample, meta={"tool_benefit": told})
