"""Words are found in any case, as `re.IGNORECASE` finds them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.rules import final_answer, lists, question
from judges.rules.hints import Hint
from judges.rules.numeric import numbers, sentences

HINTS = {
    f"{module.__name__}.{name}": value
    for module in (final_answer, lists, numbers, question, sentences)
    for name, value in vars(module).items()
    if isinstance(value, Hint)
}
SAID = "Answer OPTION and Share of the Version number, how MANY rank roots minus fell % below zero"
ODD = "¿QUÉ? 答案 İ ſhare Ｐercent per — [1, 2) BOX k"
WORDS = st.sampled_from((*SAID.split(), *ODD.split()))


def test_every_hint_is_tried() -> None:
    assert len(HINTS) >= 19


@pytest.mark.parametrize("name", HINTS)
@given(text=st.lists(WORDS, max_size=6).map(" ".join) | st.text(max_size=30))
def test_it_is_found_as_where_no_case_is_minded(name: str, text: str) -> None:
    hint = HINTS[name]
    assert hint.isin(text) == (re.search(hint._any_case.pattern, text, re.IGNORECASE) is not None)


def test_a_capital_is_refused() -> None:
    with pytest.raises(ValueError, match="capital"):
        Hint("Answer")
    assert Hint(r"\Sx").isin("YX")
