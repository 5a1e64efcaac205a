"""What a policy's text means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.speed.parser import PATTERNS, PLACES, hostile
from tests.vt_env.helpers import CALL, REQUEST, answer
from vt_env.errors import ConfigError
from vt_env.protocol import (
    MAX_CALL_CHARS,
    Answer,
    Crop,
    Malformed,
    Request,
    parse,
    parse_untagged,
    to_text,
)

CROP = '<tool_call>{"name": "crop_image", "arguments": {"box": [1, 2, 30, 40.5]}}</tool_call>'


def call(name: object = "resize_image", **arguments: object) -> str:
    body = json.dumps({"name": name, "arguments": arguments})
    return f"<think>x</think><tool_call>{body}</tool_call>"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("<think>a</think><answer>b</answer>", Answer("b", "a")),
        ("  <think>a</think>\nso\n<answer> b\nc </answer>\n", Answer("b\nc", "a")),
        ("<think></think><answer>\\boxed{3}</answer>", Answer("\\boxed{3}", "")),
        (REQUEST, Request(None, "unclear")),
        (REQUEST.replace(", ", ",\n  ").replace("{", "{\n"), Request(None, "unclear")),
        (call(action="resize", scale=0.5), Request(0.5, "x")),
        (call(action="resize", scale=None), Request(None, "x")),
        (call(action="resize", extra=1), Request(None, "x")),
        (f"<think>x</think>{CROP}", Crop((1, 2, 30, 40.5), "x")),
    ],
)
def test_well_formed_turns(text: str, action: object) -> None:
    parsed = parse(text)
    assert parsed == action
    assert parsed.well_formed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<answer>b</answer>", "no_think"),
        ("Well <think>a</think><answer>b</answer>", "text_before_think"),
        ("<think>a</think><answer>b</answer> Done.", "text_after_action"),
        ("<think>a<answer>b</answer>", "think_tags"),
        ("a</think><answer>b</answer>", "think_tags"),
        ("</think>a<think><answer>b</answer>", "think_tags"),
        ("<think>a</think><think>a</think><answer>b</answer>", "think_tags"),
        (CALL, "no_think"),
        (f"<think>a</think>{CALL} please", "text_after_action"),
        ("<think>a</think><answer>b</answer></think>", "think_tags"),
        ("<think>a</think><answer>b</answer><think>c</think>", "think_tags"),
        ("<think>a</think>\n<think>use <answer></think><answer>b</answer>", "think_tags"),
        ("<think>a <think>b</think> <answer>c</answer></think><answer>b</answer>", "think_tags"),
        ("<think>write <think>, then</think><answer>b</answer>", "think_tags"),
    ],
)
def test_an_action_that_can_be_understood_is_carried_out_with_its_fault(
    text: str, problem: str
) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Answer | Request)
    assert (parsed.problem, parsed.well_formed) == (problem, False)


@pytest.mark.parametrize(
    ("text", "reason", "is_call"),
    [
        ("", "no_action", False),
        ("It is a cat.", "no_action", False),
        ("<ANSWER>b</ANSWER>", "no_action", False),
        ("<think>a</think><answer> \n </answer>", "empty_answer", False),
        ("<think>a</think><answer>b", "answer_tags", False),
        ("<think>a</think></answer>b<answer>", "answer_tags", False),
        (answer("b") + answer("c"), "answer_tags", False),
        ("<answer><answer>b</answer></answer>", "answer_tags", False),
        ("<think>a<answer>b</answer></think>", "nested_tags", False),
        (f"<think>a{CALL}</think>", "nested_tags", False),
        ("<think>I must use <answer> tags</think> It is a cat.", "nested_tags", False),
        (f"<think>a <think>b</think>{answer('c')}</think>", "nested_tags", False),
        ("<answer>b</answer><think>a</think>", "nested_tags", False),
        (f"{CALL}<think>a</think>", "nested_tags", False),
        ("<think>a</think> It is a cat.", "no_action", False),
        (answer("b") + CALL, "answer_and_call", True),
        (f"<answer>{CALL}</answer>", "answer_and_call", True),
        (CALL + CALL, "several_calls", True),
        ("<tool_call>{}", "call_tags", True),
        ("</tool_call>{}<tool_call>", "call_tags", True),
        ("<tool_call></tool_call>", "bad_json", True),
        ("<tool_call>{'name': 'resize_image'}</tool_call>", "bad_json", True),
        ("<tool_call>" + "[" * 4000 + "</tool_call>", "bad_json", True),
        ("<tool_call>" + " " * (MAX_CALL_CHARS + 1) + "</tool_call>", "call_too_long", True),
        ("<tool_call>[]</tool_call>", "bad_call", True),
        ('<tool_call>{"name": "resize_image"}</tool_call>', "bad_call", True),
        ('<tool_call>{"name": "resize_image", "arguments": "x"}</tool_call>', "bad_call", True),
        (call("zoom", action="resize"), "unknown_tool", True),
        (call(["resize_image"], action="resize"), "unknown_tool", True),
        (call(), "bad_arguments", True),
        (call(action="upscale"), "bad_arguments", True),
        (call(action=["resize"]), "bad_arguments", True),
        (call(action="resize", scale=0), "bad_arguments", True),
        (call(action="resize", scale=1.5), "bad_arguments", True),
        (call(action="resize", scale=True), "bad_arguments", True),
        (call(action="resize", scale="1"), "bad_arguments", True),
        (call(action="resize", scale=float("nan")), "bad_arguments", True),
        (call("crop_image", box=[0, 0, 1]), "bad_arguments", True),
        (call("crop_image", box=[0, 0, 0, 1]), "bad_arguments", True),
        (call("crop_image", box=[0, 0, float("inf"), 1]), "bad_arguments", True),
        (call("crop_image", box=[0, 0, 10**400, 1]), "bad_arguments", True),
        (call("crop_image", box=[0, 0, "9", 1]), "bad_arguments", True),
    ],
)
def test_malformed_turns_have_a_reason(text: str, reason: str, is_call: bool) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Malformed)
    assert (parsed.reason, parsed.is_call) == (reason, is_call)
    assert parsed.detail.endswith(".")
    assert not parsed.well_formed


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Request("unclear"), r"scale is a number.*'unclear'.*Request\(thought="),
        (lambda: Request(0.0), "above 0 and at most 1"),
        (lambda: Request(1.5), "above 0 and at most 1"),
        (lambda: Request(float("nan")), "above 0 and at most 1"),
        (lambda: Request(True), "above 0 and at most 1"),
        (lambda: Request(None, None), "Request: thought is a text"),
        (lambda: Answer(42), "Answer: text is a text, got 42"),
        (lambda: Answer(None), "Answer: text is a text"),
        (lambda: Answer("42", 0.5), "Answer: thought is a text"),
        (lambda: Crop("left"), r"Crop: box is \(left, top, right, bottom\)"),
        (lambda: Crop((0, 0, 10)), "Crop: box is"),
        (lambda: Crop((10, 0, 0, 10)), "left < right"),
        (lambda: Crop((0, 0, "9", 10)), "Crop: box is"),
        (lambda: Crop((0, 0, 9, 10), 1), "Crop: thought is a text"),
    ],
)
def test_actions_that_make_no_sense_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


def test_integers_with_too_many_digits_are_bad_json() -> None:
    body = "9" * (MAX_CALL_CHARS - 100)
    text = f'<tool_call>{{"name": "crop_image", "arguments": {{"box": [0, 0, {body}, 1]}}}}'
    assert parse(text + "</tool_call>").well_formed is False


TAGS = [f"<{slash}{tag}>" for slash in ("", "/") for tag in ("think", "answer", "tool_call")]
# Any text, brackets and pieces of tags included, that holds no whole tag of the protocol itself.
plain = st.one_of(
    st.text(st.characters(), max_size=200),
    st.lists(st.sampled_from([*"<>/", "think", "answer>", "</ans", "3 < 5", "\ud800"])).map(
        "".join
    ),
).filter(lambda text: not any(tag in text for tag in TAGS))
number = st.floats(0, 1e6, allow_nan=False)
actions = st.one_of(
    st.builds(Answer, plain.map(str.strip).filter(bool), plain.map(str.strip)),
    st.builds(Request, st.none() | st.floats(0, 1, exclude_min=True), plain.map(str.strip)),
    st.builds(
        Crop,
        st.tuples(number, number, number, number).filter(lambda b: b[0] < b[2] and b[1] < b[3]),
        plain.map(str.strip),
    ),
)


@given(actions)
def test_to_text_and_parse_are_inverse(action: Answer | Request | Crop) -> None:
    parsed = parse(to_text(action))
    assert parsed == action
    assert parsed.well_formed


fragments = st.sampled_from(
    [
        *TAGS,
        CALL,
        '{"name": "resize_image", "arguments": {"action": "resize"}}',
        "\x00",
        "\ud800",
        "42",
        " ",
    ]
)


@given(st.lists(fragments | st.text(max_size=5), max_size=12).map("".join))
def test_any_text_has_a_meaning(text: str) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Answer | Request | Crop | Malformed)
    assert isinstance(parse(text, opened=True), Answer | Request | Crop | Malformed)
    untagged = parse_untagged(text)
    assert untagged is None or (untagged.text and not untagged.well_formed)
    if isinstance(parsed, Answer):
        assert parsed.text in text
    if parsed.well_formed:
        assert text.strip().startswith("<think>")
        assert text.strip().endswith((">", "</answer>"))


def test_answers_with_brackets_and_newlines_come_back() -> None:
    for text in ("3 < 5 > 2", "<b>bold</b>", "a\n\nb", "</answer", "<think", "answer>", '{"a": 1}'):
        assert parse(to_text(Answer(text, text))) == Answer(text, text)


class Counted(str):
    """A text that counts the characters of it that are looked at; it knows no other methods."""

    looked = 0

    def _looked(self, characters: int) -> None:
        Counted.looked += characters

    def count(self, *arguments: Any) -> int:
        self._looked(len(self))
        return super().count(*arguments)

    def find(self, part: str, start: int = 0) -> int:  # type: ignore[override]
        found = super().find(part, start)
        self._looked((len(self) if found < 0 else found) - min(start, len(self)) + len(part))
        return found

    def rfind(self, *arguments: Any) -> int:
        self._looked(len(self))
        return super().rfind(*arguments)

    def __getitem__(self, key: Any) -> "Counted":
        part = Counted(super().__getitem__(key))
        self._looked(len(part))
        return part

    def strip(self, *arguments: Any) -> "Counted":
        self._looked(len(self))
        return Counted(super().strip(*arguments))

    def lstrip(self, *arguments: Any) -> "Counted":
        self._looked(len(self))
        return Counted(super().lstrip(*arguments))

    def rstrip(self, *arguments: Any) -> "Counted":
        self._looked(len(self))
        return Counted(super().rstrip(*arguments))

    def startswith(self, prefix: Any, *_: Any) -> bool:
        self._looked(len(prefix))
        return super().startswith(prefix)

    def endswith(self, suffix: Any, *_: Any) -> bool:
        self._looked(len(suffix))
        return super().endswith(suffix)


def _unknown(*_: Any) -> None:
    raise AssertionError("The parser uses a method of str whose work is not counted.")


for _method in set(dir(str)) - set(vars(Counted)):
    if not _method.startswith("_"):
        setattr(Counted, _method, _unknown)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_reading_takes_work_in_proportion_to_the_length(pattern: str, place: str) -> None:
    """Counted, not timed; `python -m benchmarks.speed.parser` times it."""
    for length in (1000, 2**20):
        text = hostile(pattern, place, length)
        Counted.looked = 0
        parsed = parse(Counted(text))
        assert Counted.looked <= 20 * len(text)
        assert parsed == parse(text)
        for read in (lambda turn: parse(turn, opened=True), parse_untagged):
            Counted.looked = 0
            read(Counted(text))
            assert Counted.looked <= 20 * len(text)
