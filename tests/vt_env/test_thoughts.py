"""Only what follows the thought counts; and what becomes of answers without tags."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vt_env.helpers import BAD_CALL, CALL, REQUEST, answer, memory_sample, new_episode, play
from tests.vt_env.test_protocol import TAGS, actions
from vt_env.episode import Ending, Episode, EpisodeConfig
from vt_env.protocol import (
    MAX_THOUGHTS,
    Answer,
    Crop,
    Malformed,
    Request,
    parse,
    parse_untagged,
    to_text,
)
from vt_env.rewards import RewardConfig
from vt_env.templates import load_template

RIGHT = answer("Eileen Collins")
MENTIONS = (
    "I must use <answer> tags.",
    "First <answer>42</answer>? No.",
    "Answer in <answer> and </answer>.",
    "</answer> closes it.",
    "Do I need a <tool_call>? No.",
    f"I could write {CALL} to see more.",
    f"{CALL}{CALL}",
    "<answer>1</answer><answer>2</answer><tool_call>{</tool_call>",
)


@pytest.mark.parametrize("mention", MENTIONS)
@pytest.mark.parametrize("opened", [False, True])
def test_what_stands_in_the_thought_is_thought(mention: str, opened: bool) -> None:
    head = "" if opened else "<think>"
    for action, text in (
        (Answer("7", mention), "<answer>7</answer>"),
        (Request(None, mention), CALL),
    ):
        parsed = parse(f"{head}{mention}</think>\nSo {text}", opened)
        assert parsed == action
        assert parsed.well_formed
    alone = parse(f"{head}{mention}</think>", opened)
    assert isinstance(alone, Malformed)
    assert not alone.is_call


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a</think><answer>b</answer>", None),
        ("\na\n</think>\n\n<answer>b</answer>\n", None),
        ("<think>a</think><answer>b</answer>", None),
        ("a</think><answer>b</answer> Done.", "text_after_action"),
        ("<answer>b</answer>", "think_tags"),
        ("a<answer>b</answer>", "think_tags"),
        ("a</think>c</think><answer>b</answer>", "think_tags"),
        ("a <think> c</think><answer>b</answer>", "think_tags"),
        ("a</think><think>c</think><answer>b</answer>", "think_tags"),
        ("a</think><answer>b</answer></think>", "think_tags"),
    ],
)
def test_a_turn_that_begins_inside_of_the_thought(text: str, problem: str | None) -> None:
    parsed = parse(text, opened=True)
    assert isinstance(parsed, Answer)
    assert (parsed.text, parsed.problem) == ("b", problem)
    if problem is None:
        assert parsed.thought == "a"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is a cat.", ("It is a cat.", "", "untagged_answer")),
        ("<think>hm</think> A cat. ", ("A cat.", "hm", "untagged_answer")),
        ("<think>use <answer>!</think> 42", ("42", "use <answer>!", "untagged_answer")),
        ("<think>It is 42", ("It is 42", "", "untagged_answer")),
        ("<think>a</think><answer>b", ("b", "a", "answer_tags")),
        ("<think>a</think>b</answer>", ("b", "a", "answer_tags")),
        ("<answer>b</answer><answer>c</answer>", ("c", "", "answer_tags")),
        ("", None),
        (" \n", None),
        ("<think>a</think> ", None),
        ("<think>a<answer>b</answer></think>", None),
        ("<think>a</think><answer> </answer>", None),
        ("<think>", None),
    ],
)
def test_answers_without_tags(text: str, found: tuple[str, str, str] | None) -> None:
    assert isinstance(parse(text), Malformed)
    parsed = parse_untagged(text)
    assert (parsed and (parsed.text, parsed.thought, parsed.problem)) == found


def test_an_untagged_answer_behind_an_open_thought() -> None:
    parsed = parse_untagged("I count them.</think>\n\nThree", opened=True)
    assert parsed == Answer("Three", "I count them.")


def test_thoughts_are_told_apart_up_to_a_bound() -> None:
    for count in (MAX_THOUGHTS, 20_000):
        inner = "<think>x<answer>y</answer>" * count + "</think>" * count
        parsed = parse(f"<think>{inner}</think><answer>b</answer>")
        assert parsed == Answer("b", "")
        assert not parsed.well_formed


thoughts = st.lists(
    st.sampled_from([*MENTIONS, *TAGS, "{", "words ", "\n", "\u2003", "<", "think>"])
    | st.text(max_size=5),
    max_size=8,
).map("".join)


@given(
    thoughts.filter(lambda text: not any(tag in text for tag in ("<think>", "</think>"))), actions
)
def test_a_thought_may_hold_anything_but_its_own_tags(
    thought: str, action: Answer | Request | Crop
) -> None:
    text = to_text(replace(action, thought=thought))
    parsed = parse(text)
    assert parsed == replace(action, thought=thought.strip())
    assert parsed.well_formed
    assert parse(text.removeprefix("<think>"), opened=True) == parsed
    assert parse(text, opened=True) == parsed


@given(st.lists(st.sampled_from(TAGS) | st.text(max_size=3), max_size=10).map("".join))
def test_an_answer_is_never_read_out_of_the_thought(text: str) -> None:
    inside = text.replace("<think>", "").replace("</think>", "")
    assert isinstance(parse(f"<think>{inside}</think>"), Malformed)
    assert isinstance(parse(f"{inside}</think>", opened=True), Malformed)


def opened_episode() -> Episode:
    template = load_template("brief").opened()
    return Episode(memory_sample(), EpisodeConfig(), RewardConfig(), template)


def test_turns_that_begin_inside_of_the_thought_keep_the_format() -> None:
    turns = [turn.removeprefix("<think>") for turn in (REQUEST, RIGHT)]
    episode = opened_episode()
    assert play(episode, *turns)[-1] == {"format": 0.5, "accuracy": 1.0}
    assert (episode.requested, episode.problems) == (True, [])
    plain = new_episode()
    assert play(plain, *turns)[-1] == {"format": 0.0, "accuracy": 1.0}
    assert plain.problems == ["think_tags", "think_tags"]


def test_a_thought_that_mentions_the_tags_is_no_answer() -> None:
    thought = "<think>I must use <answer>Buzz Aldrin</answer> tags.</think>"
    episode = new_episode()
    assert play(episode, thought + "<answer>Eileen Collins</answer>")[0]["accuracy"] == 1.0
    assert (episode.answer, episode.well_formed) == ("Eileen Collins", True)
    alone = new_episode()
    play(alone, thought)
    assert (alone.ending, alone.answer, alone.problems) == ("malformed", None, ["nested_tags"])


@pytest.mark.parametrize(
    ("turns", "ending", "problems"),
    [
        (["Eileen Collins"], "answered", ["untagged_answer"]),
        ([REQUEST, "<think>x</think>Eileen Collins"], "answered", ["untagged_answer"]),
        (["<think>x</think><answer>Eileen Collins"], "answered", ["answer_tags"]),
        (["<think>Eileen Collins</think>"], "malformed", ["no_action"]),
        ([" \n"], "malformed", ["no_action"]),
        ([BAD_CALL, BAD_CALL], "turn_limit", ["bad_json", "bad_json"]),
    ],
)
def test_untagged_answers_are_judged_by_option(
    turns: list[str], ending: str, problems: list[str]
) -> None:
    episode = new_episode(untagged_answer="judge")
    terms = play(episode, *turns)[-1]
    assert (episode.ending, episode.problems) == (ending, problems)
    assert terms["format"] == 0.0
    assert terms.get("accuracy") == (1.0 if ending == "answered" else None)
    strict = new_episode()
    play(strict, *turns)
    assert strict.ending in ("malformed", "turn_limit")


def test_a_cut_off_turn_is_not_judged() -> None:
    episode = new_episode(untagged_answer="judge")
    assert episode.step("Eileen Collins", cut_off=True).case is None
    assert episode.ending is Ending.CUT_OFF
