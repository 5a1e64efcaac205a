"""Prompts: how they are loaded, versioned, and kept apart from the case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import JudgeCase, JudgeError, UnknownNameError
from judges.llm.prompt import encode_case, load_prompt
from judges.llm.reply import parse_verdict


def test_the_shipped_prompt_states_the_reply() -> None:
    prompt = load_prompt("reference")
    assert '{"score": 1}' in prompt.system
    assert prompt.user == "$case"
    assert len(prompt.version) == 16


def test_a_prompt_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Be kind.\n--- user ---\nGrade this: $case\n", encoding="utf-8")
    prompt = load_prompt(path)
    assert prompt.name == "mine"
    assert prompt.version == load_prompt(str(path)).version != load_prompt("reference").version
    system, user = prompt.messages(JudgeCase("q", ("a",), "b"), 100)
    assert system["content"] == "Be kind."
    assert user["content"].startswith("Grade this: {")


@pytest.mark.parametrize(
    "text",
    ["no parts", "a\n--- user ---\nno placeholder", "$case\n--- user ---\n$case", "--- user ---"],
)
def test_a_prompt_without_its_parts_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JudgeError, match="bad"):
        load_prompt(path)


def test_unknown_prompts_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="reference"):
        load_prompt("refrence")
    with pytest.raises(JudgeError, match="Cannot read"):
        load_prompt(tmp_path / "none.txt")


def test_all_that_is_known_is_told() -> None:
    case = JudgeCase("How far?", ("5 km", "5000 m"), "5", choices=("5", "6"), tolerance=0.5)
    assert json.loads(encode_case(case, 100)) == {
        "question": "How far?",
        "options": ["5", "6"],
        "tolerance": 0.5,
        "accepted_answers": ["5 km", "5000 m"],
        "answer": "5",
    }


def test_a_placeholder_in_the_prediction_is_text() -> None:
    user = load_prompt("reference").messages(JudgeCase("$case", ("a",), "$case"), 100)[1]
    assert json.loads(user["content"])["answer"] == "$case"


def test_a_long_prediction_keeps_both_ends() -> None:
    text = "a" * 500 + "b" * 500
    answer = json.loads(encode_case(JudgeCase("q", ("r",), text), 100))["answer"]
    assert answer == f"{'a' * 50} (... 900 characters left out ...) {'b' * 50}"


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3), st.text())
def test_the_case_is_one_json_object_and_no_verdict(
    question: str, references: list[str], prediction: str
) -> None:
    encoded = encode_case(JudgeCase(question, tuple(references), prediction), 10_000)
    fields = json.loads(encoded)
    assert list(fields) == ["question", "accepted_answers", "answer"]
    assert len(fields["accepted_answers"]) == len(references)
    assert not set("<>\n") & set(encoded)
    encoded.encode()
    assert parse_verdict(encoded) is None


@given(
    st.lists(st.sampled_from(["{", "}", '"', "score", ":", " ", "1", "\\", "<|", "|>", "\n", "'"]))
)
def test_no_stretch_of_a_prediction_is_a_verdict(parts: list[str]) -> None:
    encoded = encode_case(JudgeCase("q", ("r",), "".join(parts)), 10_000)
    starts = [index for index, char in enumerate(encoded) if char == "{"]
    ends = [index + 1 for index, char in enumerate(encoded) if char == "}"]
    for start in starts:
        for end in ends:
            assert parse_verdict(encoded[start:end]) is None


def test_a_control_word_without_its_end_is_escaped_too() -> None:
    text = encode_case(JudgeCase("[INST q", ("[/INST a",), "x [INST y [SYS] [not] [A1"), 1000)
    assert "[INST" not in text and "[/INST" not in text and "[SYS" not in text
    assert "[not]" in text and json.loads(text)["answer"] == "x [INST y [SYS] [not] [A1"
