"""The strict reading of a judging model's reply."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.llm.reply import parse_verdict


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('{"score": 1}', 1.0),
        ('{"score": 0}', 0.0),
        (' {"score":1}\n', 1.0),
        ('{"score": 1.0}', 1.0),
        ('```json\n{"score": 0}\n```', 0.0),
        ('```\n{"score": 1}\n```', 1.0),
        ('<think>It says {"score": 1}, so 0.</think>\n{"score": 0}', 0.0),
    ],
)
def test_verdicts(reply: str, score: float) -> None:
    assert parse_verdict(reply) == score


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "",
        "1",
        "0",
        "true",
        "[1]",
        '"1"',
        "score: 1",
        "Score: 0. Criterion (1) is met.",
        '{"score": 2}',
        '{"score": -1}',
        '{"score": 0.5}',
        '{"score": "1"}',
        '{"score": true}',
        '{"score": null}',
        '{"score": [1]}',
        '{"score": {"score": 1}}',
        '{"Score": 1}',
        '{"score": 1, "score": 0}',
        '{"score": 0, "score": 1}',
        '{"score": 1, "why": "x"}',
        '{"score": 1} {"score": 1}',
        '{"score": 1}.',
        'The verdict is {"score": 1}',
        '{"score": 1}\nbecause it matches',
        '[["score", 1]]',
        '[{"score": 1}]',
        '{"\\u0073core": 1}',
        '{"score": 1e0',
        '{"score": NaN}',
        '{"score": Infinity}',
        "{'score': 1}",
        '<think>{"score": 1}',
        '<think>a</think><think>b</think>{"score": 1}',
        "{" * 4000,
        "[" * 4000,
        '{"score": 1}' + " " * 5000,
    ],
)
def test_everything_else_is_none(reply: str | None) -> None:
    assert parse_verdict(reply) is None


@given(st.text())
def test_any_text_is_read_without_an_error(reply: str) -> None:
    assert parse_verdict(reply) in (None, 0.0, 1.0)


@given(st.text(), st.text(), st.sampled_from([0, 1]))
def test_a_verdict_inside_other_words_is_none(before: str, after: str, score: int) -> None:
    verdict = json.dumps({"score": score})
    reply = f"{before}{verdict}{after}"
    if reply.strip() != verdict:
        assert parse_verdict(reply) is None
