"""Which option an answer names; and that the judge pays this option and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import JudgeCase, RuleJudge
from vt_env.data.answers import AnswerForm, Raw, check_form, named_options
from vt_env.data.schemas import RowError
from vt_env.errors import UnknownNameError

ANIMALS = ("cat", "dog", "bird")
NUMBERS = ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("value", "options", "form", "expected"),
    [
        (1, ANIMALS, None, "B"),
        ("1", ANIMALS, None, "B"),
        (1.0, ANIMALS, None, "B"),
        ("b", ANIMALS, None, "B"),
        ("(B)", ANIMALS, None, "B"),
        ("B.", ANIMALS, None, "B"),
        ("dog", ANIMALS, None, "B"),
        (" Dog. ", ANIMALS, None, "B"),
        ("B. dog", ANIMALS, None, "B"),
        ("(B) dog", ANIMALS, None, "B"),
        ("\\boxed{B}", ANIMALS, None, "B"),
        ("The answer is B.", ANIMALS, None, "B"),
        (0, ANIMALS, "index", "A"),
        ("c", ANIMALS, "letter", "C"),
        ("bird", ANIMALS, "text", "C"),
        (2, NUMBERS, "index", "C"),
        (2, NUMBERS, "text", "B"),
        ("2", NUMBERS, "text", "B"),
        ("B", NUMBERS, None, "B"),
        (4, NUMBERS, None, "D"),  # as an index it is beyond the options
        (1, ("0", "1", "2"), None, "B"),  # index and text are one option
        (1, ("2", "5", "7"), None, "B"),  # 1 is no option's text
        ("10", ("5 cm", "10 cm", "15 cm"), None, "B"),
        (1, ("Sample 1", "Sample 2"), None, "B"),
        ("B", ("A", "B", "C"), None, "B"),
        ("CO", ("Co", "CO"), None, "B"),
        ("A", ("B", "A"), "text", "(B) A"),  # the letter alone would be read as the text of A
        ("A", ("B", "A"), "letter", "(A) B"),
        ("B", ("red", "red", "blue"), None, "B"),
        (0, ("red", "red", "blue"), None, "A"),
    ],
)
def test_an_answer_names_its_option(
    value: Raw, options: tuple[str, ...], form: AnswerForm | None, expected: str
) -> None:
    assert named_options(value, options, form) == (expected,)


@pytest.mark.parametrize(
    ("value", "options", "form", "problem"),
    [
        ("E", ANIMALS, None, "'E' is beyond the 3 options"),
        (3, ANIMALS, None, "3 is beyond the 3 options"),
        ("fish", ANIMALS, None, "'fish' names none of the options 'A cat, B dog, C bird'"),
        ("C. dog", ANIMALS, None, "names none"),
        (-1, ANIMALS, None, "names none"),
        (2, NUMBERS, None, "index option C '3', or as text option B '2'; say which with answers="),
        ("2", NUMBERS, None, "answers='index' or 'text'"),
        (1, ("2 cm", "1 cm", "3 cm", "4 cm", "5 cm"), "letter", "expected a letter from A to E"),
        (2, ("5 cm", "2 cm", "3 cm"), None, "answers='index' or 'text'"),
        ("A", ("B", "A"), None, "answers='letter' or 'text'"),
        ("2", ("2 cm", "2 kg", "3 cm"), "text", "any of the options A '2 cm' and B '2 kg'"),
        ("B", ANIMALS, "index", "expected an index from 0 to 2 (answers=\"index\"), got 'B'"),
        ("dog", ANIMALS, "letter", "expected a letter"),
        ("B", ANIMALS, "text", "expected the text of an option"),
        ("x" * 10_000, ANIMALS, None, "names none"),
    ],
)
def test_an_answer_that_names_none_or_two(
    value: Raw, options: tuple[str, ...], form: AnswerForm | None, problem: str
) -> None:
    with pytest.raises(RowError) as caught:
        named_options(value, options, form)
    assert caught.value.field == "answer"
    assert problem in caught.value.problem
    assert len(caught.value.problem) < 400


def test_a_text_that_options_share_is_any_of_them() -> None:
    assert named_options("red", ("red", "red", "blue"), None) == ("A", "B")


def test_forms_of_answers() -> None:
    check_form(None)
    with pytest.raises(UnknownNameError, match="Did you mean 'letter'"):
        check_form("lettre")


@given(
    st.lists(
        st.sampled_from(["cat", "dog", "2", "3", "2 cm", "A", "B", "red", "no", "blue sky"]),
        min_size=2, max_size=6,
    ),
    st.data(),
)  # fmt: skip
def test_the_judge_pays_the_named_option_alone(options: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(options) - 1))
    (reference,) = named_options(index, options, "index")
    judge = RuleJudge(symbolic=False)
    for number, option in enumerate(options):
        prediction = f"({'ABCDEF'[number]}) {option}"
        case = JudgeCase("Which?", (reference,), prediction, None, tuple(options))
        assert judge.judge([case])[0].score == float(number == index), (reference, prediction)
