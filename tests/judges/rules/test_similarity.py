"""Texts near each other: a letter decides in short ones, noise is noise in long ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.rules.similarity import same_text, similar_texts

NOTICE = "please keep this door closed at all times during operation of the machine"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Chloride", "Chlorine"),
        ("adduction", "abduction"),
        ("employer", "employee"),
        ("WIGALLUE", "WIGALLUF"),
        ("Anderson", "Andersen"),
        ("maria.gonzalez@example.com", "maria.gonzales@example.com"),
        ("examplestore.com", "examplestores.com"),
        ("www.example.com/a", "www.example.com/b"),
        ("北京市海淀区一路", "北京市海淀区二路"),
        ("人民币壹仟贰佰元整", "人民币壹仟叁佰元整"),
        ("中华人民共和国中央人民政府", "中华人民共和国中央人民攻府"),
        ("A-", "A"),
        ("A+", "A-"),
        ("Cl-", "Cl"),
        ("Vitamin A", "Vitamin"),
        ("type A", "type"),
        ("↑ north", "↓ north"),
        ("2(x+6)", "2x+6"),
        ("f(x)=2(x+1)", "f(x)=2x+1"),
        (
            "12 Oakwood Avenue, Springfield Garden City",
            "12 Oakwoods Avenue, Springfield Garden City",
        ),
        ("the employer must pay the full fee", "the employee must pay the full fee"),
    ],
)
def test_a_letter_or_a_sign_decides(left: str, right: str) -> None:
    for one, other in ((left, right), (right, left)):
        assert not same_text(one, other)
        assert not similar_texts(one, other, 0.85)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("grey", "gray"),
        ("the colour television", "color television"),
        ("Sao Paulo", "São Paulo"),
        ("Zurich", "Zürich"),
        ("second floor", "2nd floor"),
        ("Ca²⁺", "Ca2+"),
        ("ice cream", "icecream"),
        ("「禁止吸烟」", "禁止吸烟"),
        ("U.S.A.", "USA"),
        ("jane@example.com.", "Jane@example.com"),
        ("vitamin A", "Vitamin a"),
    ],
)
def test_variants_are_the_same(left: str, right: str) -> None:
    assert same_text(left, right)


@pytest.mark.parametrize(
    ("word", "read"),
    [("machine", "macihne"), ("closed", "clossed"), ("machine", "machlne"), ("during", "durlng")],
)
def test_a_slip_of_reading_in_a_long_text(word: str, read: str) -> None:
    assert similar_texts(NOTICE.replace(word, read), NOTICE, 0.85)
    assert not similar_texts(NOTICE.replace(word, read), NOTICE, 1.0)
    assert not similar_texts(word, read, 0.5)


def test_many_slips_are_another_text() -> None:
    worse = NOTICE.replace("machine", "machlne").replace("closed", "clossed")
    worst = worse.replace("during", "durlng")
    assert similar_texts(worse, NOTICE, 0.85)
    assert not similar_texts(worst, NOTICE, 0.85)
    assert not similar_texts(NOTICE.replace("closed", "opened"), NOTICE, 0.85)
    assert not similar_texts(NOTICE + " 12", NOTICE + " 13", 0.85)


@given(st.text(alphabet="abcdefghij ", max_size=40), st.text(alphabet="abcdefghij ", max_size=40))
def test_sameness_is_symmetric_in_plain_words(left: str, right: str) -> None:
    assert same_text(left, right) == same_text(right, left)
