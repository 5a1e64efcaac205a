"""Properties of `RuleJudge` over generated cases."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from judges import JudgeCase, RuleJudge
from judges.rules.numeric.numbers import parse_quantity
from judges.rules.similarity import _edit_distance, edit_distance, similarity

RULE = RuleJudge(symbolic=False)
WORDS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9)
PHRASES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
INTEGERS = st.integers(-(10**9), 10**9)
ANSWERS = st.one_of(
    PHRASES,
    INTEGERS.map(str),
    st.decimals(-1000, 1000, allow_nan=False, places=2).map(str),
    st.sampled_from(["yes", "No", "B", "(C)", "1,234", "50%", "5 km", "$3", "a; b", "3/4"]),
    st.text(max_size=30),
)
SPACE = st.sampled_from(["", " ", "\n", "\t ", "  \r\n", "\u00a0"])


def decide(reference: str, prediction: str, question: str = "What is it?") -> bool | None:
    return RULE.decide(JudgeCase(question, (reference,), prediction))


@given(ANSWERS, ANSWERS, SPACE, SPACE)
def test_white_space_around_changes_nothing(
    reference: str, prediction: str, before: str, after: str
) -> None:
    assert decide(reference, before + prediction + after) is decide(reference, prediction)


@given(ANSWERS, st.lists(WORDS, min_size=2, max_size=5), st.integers(2, 5))
def test_wider_space_between_words_changes_nothing(
    reference: str, words: list[str], width: int
) -> None:
    assert decide(reference, (" " * width).join(words)) is decide(reference, " ".join(words))


@given(PHRASES, PHRASES)
def test_case_changes_nothing_in_words(reference: str, prediction: str) -> None:
    expected = decide(reference, prediction)
    assert decide(reference, prediction.upper()) is expected
    assert decide(reference, prediction.title()) is expected
    assert decide(reference.upper(), prediction) is expected


@given(st.lists(st.tuples(ANSWERS, ANSWERS), max_size=8), st.randoms())
def test_order_and_duplicates_change_nothing(pairs: list[tuple[str, str]], random: object) -> None:
    cases = [JudgeCase("q", (reference,), prediction) for reference, prediction in pairs]
    verdicts = dict(zip(cases, RULE.judge(cases), strict=True))
    shuffled = cases + cases
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [verdicts[case] for case in shuffled] == RULE.judge(shuffled)


@given(ANSWERS)
def test_an_answer_agrees_with_itself(answer: str) -> None:
    assume(answer.strip() and any(char.isalnum() and char.isascii() for char in answer))
    assume(not any(mark in answer for mark in "\\{}[]()$?<>"))
    assume(answer.isascii())
    assert decide(answer, answer) is not False


@given(INTEGERS, INTEGERS)
def test_integers_agree_exactly_when_equal(left: int, right: int) -> None:
    question = "How many are there?"
    assert decide(str(left), str(right), question) is (left == right)
    assert decide(f"{left:,}", str(right), question) is (left == right)
    assert decide(str(left), f"The answer is {right:,}.", question) is (left == right)


@given(st.integers(0, 10**6), st.integers(0, 6))
def test_decimals_are_read_exactly(digits: int, places: int) -> None:
    number = Decimal(digits).scaleb(-places)
    parsed = parse_quantity(f"{number:f}")
    assert parsed is not None
    assert parsed.value == number


@given(st.integers(100, 9999), st.integers(0, 9999))
def test_a_percentage_is_a_hundred_times_its_fraction(reference: int, prediction: int) -> None:
    percent = Decimal(reference).scaleb(-2)
    given_percent = Decimal(prediction).scaleb(-2)
    question = "What percentage is it?"
    right = decide(f"{percent:f}%", f"{given_percent:f}%", question)
    assert right is (reference == prediction)
    fraction = given_percent.scaleb(-2)  # may also be meant as a percentage below one
    near = right or abs(fraction - percent) <= Decimal("0.005")
    assert (decide(f"{percent:f}%", f"{fraction:f}", question) is True) == near


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_texts_are_read_without_an_error(reference: str, prediction: str) -> None:
    assert decide(reference, prediction) in (True, False, None)


@given(st.text(max_size=20), st.text(max_size=20))
def test_both_edit_distances_agree(left: str, right: str) -> None:
    assert edit_distance(left, right) == _edit_distance(left, right)
    assert 0.0 <= similarity(left, right) <= 1.0
    assert (similarity(left, right) == 1.0) == (left == right)
