"""One row: what of it becomes a sample, and what is refused by its field."""

from pathlib import Path
from typing import Any

import pytest

from tests.vt_env.helpers import ASTRONAUT
from vt_env.data.rows import ImageFiles, RowError, sample_from_row

ROW: dict[str, Any] = {"image": "a.png", "question": "What is it?", "answer": "cat"}
FILES = ImageFiles(Path("/data"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"answer": "cat", "answers": ["feline", "cat"]}, ("cat", "feline")),
        ({"answer": ["cat"], "answers": []}, ("cat",)),
        ({"answer": 3, "answers": ["3", "three"]}, ("3", "three")),
        ({"answer": None, "answers": "['cat', 'feline']"}, ("cat", "feline")),
        ({"answer": "B", "answers": ["cat"], "choices": ["cat", "dog"]}, ("B", "A")),
        ({"question": None, "problem": "?", "answers": ["a"], "original_answer": "b"}, ("b", "a")),
        ({"question": None, "prompt": "?", "answers": ["a"], "solution": "c"}, ("cat", "a")),
    ],
)
def test_answer_and_answers_are_both_accepted(
    columns: dict[str, Any], expected: tuple[str, ...]
) -> None:
    row = {**ROW, **columns}
    if "original_answer" in columns:
        row["answer"] = None
    assert sample_from_row(row, "1", FILES).answers == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("question", "x\ud800"),
        ("answer", ["x", "\udfff"]),
        ("choices", ["\udc00", "b"]),
        ("options", '["\\ud800", "b"]'),  # only the list that the text writes holds it
        ("answers", '["\\ud800"]'),
        ("id", "\ud800"),
        ("family", "\ud800"),
        ("image", "\ud800.png"),
        ("mine", {"deep": [{"\ud800": 1}]}),
        ("\ud800", 1),
    ],
)
def test_text_that_cannot_be_encoded_is_refused(column: str, value: object) -> None:
    with pytest.raises(RowError) as caught:
        sample_from_row({**ROW, column: value}, "1", FILES)
    named = column if column.isascii() else None
    assert caught.value.field in (named, "answer" if column == "answers" else named)
    assert "half of a surrogate pair" in caught.value.problem
    caught.value.problem.encode()


def test_members_that_cannot_be_encoded_are_refused() -> None:
    row = {**ROW, "question": None, "problem": "What?", "sample_meta": '{"by": "\\ud800"}'}
    with pytest.raises(RowError, match="half of a surrogate pair"):
        sample_from_row(row, "1", FILES)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("<image>\nWho is it?", "Who is it?"),
        ("Who is it? <image>", "Who is it?"),
        ("<image 1> Who is it?", "Who is it?"),
        ("What is in <image 1> here?", "What is in <image 1> here?"),
    ],
)
def test_placeholders_are_dropped_from_the_plain_question(question: str, expected: str) -> None:
    sample = sample_from_row({**ROW, "question": question}, "1", FILES)
    assert sample.question == expected


def test_the_images_of_mmmu_and_mathvista() -> None:
    files = ImageFiles(ASTRONAUT.parent)
    counted = {"question": "What?", "answer": "x", "image_1": "astronaut.png", "image_2": None}
    assert sample_from_row(counted, "1", files).image.size() == (512, 512)
    with pytest.raises(RowError, match="got image_1, image_2"):
        sample_from_row({**counted, "image_2": "b.png"}, "1", files)
    decoded = {**ROW, "image": "images/1.jpg", "decoded_image": {"bytes": ASTRONAUT.read_bytes()}}
    assert sample_from_row(decoded, "1", files).image.size() == (512, 512)


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        ({"img": "a.png", "Question": "What?", "answer": "x"}, "question",
         "the columns found are 'img', 'Question', 'answer'. Did you mean 'Question'?"),
        ({"imag": "a.png", "question": "What?", "answer": "x"}, "image", "Did you mean 'imag'?"),
        ({**ROW, "image": None}, "image", "is missing: it is null in this row"),
        ({}, "question", "the row has no columns"),
        ({f"column {n}": "x" * 5000 for n in range(500)}, "question", "and 480 more"),
        ({"x" * 5000: 1}, "question", "xxx…'"),
    ],
)  # fmt: skip
def test_a_missing_column_says_which_there_are(
    row: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(RowError) as caught:
        sample_from_row(row, "1", FILES)
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert len(caught.value.problem) < 500


def test_options_that_export_wrote_are_taken_off_the_question() -> None:
    row = {**ROW, "question": "Which?\nA. cat\nB. dog", "choices": ["cat", "dog"]}
    assert sample_from_row(row, "1", FILES).question == "Which?"
    alone = {**row, "question": "\nA. cat\nB. dog"}
    assert sample_from_row(alone, "1", FILES).question == "A. cat\nB. dog"
